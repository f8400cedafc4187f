-- Devices with their parameters and tags, what is to be done with them, and what operators gave.
-- Times are microseconds since 1970. Rows of a device go with it.

-- What every session changes.
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

CREATE INDEX device_by_last_inform ON device (last_inform);
CREATE INDEX device_by_serial_number ON device (serial_number);
CREATE INDEX device_by_product_class ON device (product_class);

-- The parameters of a device: see `document` of drover-provision. A device without has no row.
CREATE TABLE document (
    device INTEGER PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    body BLOB NOT NULL
) STRICT;

-- The forms of paths that documents name by their numbers. A row never changes or goes.
CREATE TABLE path (
    id INTEGER PRIMARY KEY,
    form TEXT NOT NULL UNIQUE     -- 'Device.Hosts.Host.{i}.MACAddress'
) STRICT;

-- The parameters that can be searched for by value.
CREATE TABLE indexed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT UNIQUE,             -- with instance numbers; NULL while its rows are being removed
    state INTEGER NOT NULL,       -- 0 being built, 1 complete, 2 being removed
    built INTEGER NOT NULL        -- devices up to this one have their rows
) STRICT;

-- Their values, as filters see them: numbers and booleans are numbers, all else is text. A row
-- repeats what a document says, and is changed in the same transaction.
CREATE TABLE param (
    path INTEGER NOT NULL,        -- indexed.id
    value ANY NOT NULL,
    device INTEGER NOT NULL,      -- device.id; no reference, which would need an index of its own
    PRIMARY KEY (path, value, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag (
    device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (device, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_by_name ON tag (tag, device);

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

-- What operators look for most. There is no device yet, so all of it is complete.
INSERT INTO indexed (path, state, built) VALUES
    ('Device.DeviceInfo.HardwareVersion', 1, 0),
    ('Device.DeviceInfo.ModelName', 1, 0),
    ('Device.DeviceInfo.ProvisioningCode', 1, 0),
    ('Device.DeviceInfo.SerialNumber', 1, 0),
    ('Device.DeviceInfo.SoftwareVersion', 1, 0),
    ('Device.Ethernet.Interface.1.MACAddress', 1, 0),
    ('Device.IP.Interface.1.IPv4Address.1.IPAddress', 1, 0),
    ('Device.ManagementServer.ConnectionRequestURL', 1, 0),
    ('Device.PPP.Interface.1.Username', 1, 0),
    ('Device.WiFi.SSID.1.SSID', 1, 0),
    ('InternetGatewayDevice.DeviceInfo.HardwareVersion', 1, 0),
    ('InternetGatewayDevice.DeviceInfo.ModelName', 1, 0),
    ('InternetGatewayDevice.DeviceInfo.ProvisioningCode', 1, 0),
    ('InternetGatewayDevice.DeviceInfo.SerialNumber', 1, 0),
    ('InternetGatewayDevice.DeviceInfo.SoftwareVersion', 1, 0),
    ('InternetGatewayDevice.LANDevice.1.LANEthernetInterfaceConfig.1.MACAddress', 1, 0),
    ('InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.SSID', 1, 0),
    ('InternetGatewayDevice.ManagementServer.ConnectionRequestURL', 1, 0),
    ('InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ExternalIPAddress',
        1, 0),
    ('InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.MACAddress', 1, 0),
    ('InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.ExternalIPAddress',
        1, 0),
    ('InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.Username', 1, 0);
