-- What devices were like before they changed.
-- Times are microseconds since 1970. Rows of a device go with it.

CREATE TABLE snapshot (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    time INTEGER NOT NULL,        -- when the document was replaced
    body BLOB NOT NULL            -- as in document
) STRICT;

CREATE INDEX snapshot_of_device ON snapshot (device, number);
