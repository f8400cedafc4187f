-- What happened in sessions, and how values went over time.

-- The sessions of devices, with all that was said in them.
CREATE TABLE session (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order in which sessions ended
    device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    ended INTEGER NOT NULL,
    length INTEGER NOT NULL,      -- bytes of the trace before compression
    trace BLOB NOT NULL           -- JSON, compressed with zstd
) STRICT;

CREATE INDEX session_of_device ON session (device, number);

-- Bytes of all traces; one row.
CREATE TABLE session_total (bytes INTEGER NOT NULL) STRICT;
INSERT INTO session_total (bytes) VALUES (0);

CREATE TRIGGER session_added AFTER INSERT ON session BEGIN
    UPDATE session_total SET bytes = bytes + length(NEW.trace);
END;

CREATE TRIGGER session_removed AFTER DELETE ON session BEGIN
    UPDATE session_total SET bytes = bytes - length(OLD.trace);
END;

-- Parameters of which all devices keep their history.
CREATE TABLE watched (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT UNIQUE              -- NULL once it is not watched any more, until its points are gone
) STRICT;

-- The history of values. What is no longer wanted in full is merged by hours, then by days.
CREATE TABLE point (
    watched INTEGER NOT NULL REFERENCES watched (number),
    device INTEGER NOT NULL,
    step INTEGER NOT NULL,        -- 0 one value, 1 an hour, 2 a day
    time INTEGER NOT NULL,        -- of the value, or the beginning of the hour or day
    least REAL NOT NULL,
    most REAL NOT NULL,
    mean REAL NOT NULL,
    last REAL NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (watched, device, step, time)
) STRICT, WITHOUT ROWID;

-- Points stand in the order of their parameters, so a reference would cost a search of all.
CREATE TRIGGER device_removed AFTER DELETE ON device BEGIN
    DELETE FROM point
        WHERE device = OLD.id AND watched IN (SELECT number FROM watched);
END;
