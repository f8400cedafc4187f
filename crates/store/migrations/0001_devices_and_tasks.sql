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

-- Channels that are blocked.
CREATE TABLE fault (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which channels were blocked
    device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    detail TEXT,                  -- JSON: name, message and stack of the error
    time INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    retry_now INTEGER NOT NULL,   -- 0 or 1
    precondition INTEGER NOT NULL,
    provisions TEXT NOT NULL,     -- JSON: [[name, [argument, ...]], ...]
    UNIQUE (device, channel)
) STRICT;

CREATE INDEX fault_by_channel ON fault (channel, number);

-- What devices have begun and will report.
CREATE TABLE operation (
    device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    command_key TEXT NOT NULL,
    body TEXT NOT NULL,           -- JSON
    PRIMARY KEY (device, command_key)
) STRICT, WITHOUT ROWID;

-- Presets, scripts and the like, as operators gave them.
CREATE TABLE resource (
    kind TEXT NOT NULL,           -- 'presets', 'provisions', ...
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT;
