-- With what a device proves who it is. Not a part of the device, so that it may be there before its
-- first session, and stays when the device is deleted.

CREATE TABLE credential (
    device TEXT PRIMARY KEY,      -- its key
    username TEXT,                -- those that it has used
    password TEXT,
    next_username TEXT,           -- those that it is to use from now on
    next_password TEXT,
    home TEXT                     -- from which address it last proved who it is
) STRICT, WITHOUT ROWID;
