-- What devices of a product have shown with a firmware.

CREATE TABLE knowledge (
    product TEXT NOT NULL,        -- OUI and product class, as in the keys of devices
    firmware TEXT NOT NULL,
    body TEXT NOT NULL,           -- JSON
    PRIMARY KEY (product, firmware)
) STRICT, WITHOUT ROWID;
