// bootstrap: forgets what was known of a device.
//
// Runs when a device reports "0 BOOTSTRAP": it is new, or it was reset to the state of the factory,
// or it was given another server. What was read of it before says nothing any more, so every value
// is forgotten and read again when somebody next asks for it. Tags, and the times of reboots and
// downloads, are the server's own and stay.

const now = Date.now();
for (const root of ["Device", "InternetGatewayDevice", "VirtualParameters"]) {
  clear(root, now);
}
