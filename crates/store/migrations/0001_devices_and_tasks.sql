-- Devices with their parameters and tags, and their tasks.
-- Times are microseconds since 1970. Rows of a device go with it.

CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    manufacturer TEXT NOT NULL,
    oui TEXT NOT NULL,
    product_class TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    registered INTEGER NOT NULL,
    last_inform INTEGER NOT NULL,
    last_boot INTEGER,
    last_bootstrap INTEGER,
    sessions INTEGER NOT NULL,
    last_events TEXT NOT NULL,    -- JSON: [[code, command key], ...]
    root TEXT,
    cwmp_version TEXT NOT NULL,
    peculiarities TEXT NOT NULL,  -- JSON: [text, ...]
    connection_request_username TEXT NOT NULL,
    connection_request_password TEXT NOT NULL
) STRICT;

CREATE TABLE tag (
    device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (device, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE parameter (
    device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    type INTEGER,                 -- NULL without a value
    value TEXT,
    writable INTEGER,             -- NULL when not known
    time INTEGER NOT NULL,
    PRIMARY KEY (device, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which tasks were made
    id TEXT NOT NULL UNIQUE,
    device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,           -- JSON
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    expiry INTEGER,
    unique_key TEXT,
    retries INTEGER NOT NULL,
    sent INTEGER,
    instance INTEGER,
    state INTEGER NOT NULL,       -- 0 waiting, 1 faulted, 2 done
    outcome TEXT                  -- JSON: the fault or the result
) STRICT;

CREATE INDEX task_of_device ON task (device, state, due);
CREATE INDEX task_by_state ON task (state, number);
