// inform: how the server reaches a device, and when the device calls.
//
// Argument: the seconds between two periodic Informs; 300 without one.
//
// Runs in each session, and compares with the device once a day. The login for connection requests
// is the device's id with a password of its own. The password is drawn from Math.random, which gives
// the same numbers for the same device each time: it can be computed again, and a device that has
// lost it gets the same one. A device that keeps its password to itself answers with an empty text,
// and is given the password again once a day.
//
// Each device informs at its own time of the day's rhythm, so that a fleet does not call at once.
//
// What is set comes in three steps, each with a request of its own. A device sets all of a request
// or nothing, and some refuse PeriodicInformTime: the login must not be lost with it.

const interval = args[0] ?? 300;
const day = 24 * 60 * 60 * 1000;
const daily = Date.now(day);
const servers = ["Device", "InternetGatewayDevice"].map((root) => `${root}.ManagementServer.`);

// One request reads all of it.
const read = [
  "ConnectionRequestURL", "ConnectionRequestUsername", "ConnectionRequestPassword",
  "PeriodicInformEnable", "PeriodicInformInterval", "PeriodicInformTime",
];
for (const server of servers) {
  for (const name of read) declare(server + name, {value: daily});
}

const username = declare("DeviceID.ID", {value: 1}).value[0];
const password = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER).toString(36);

for (const server of servers) {
  declare(server + "ConnectionRequestUsername", {value: daily}, {value: username});
  declare(server + "ConnectionRequestPassword", {value: daily}, {value: password});
}
commit();

for (const server of servers) {
  declare(server + "PeriodicInformEnable", {value: daily}, {value: true});
  declare(server + "PeriodicInformInterval", {value: daily}, {value: interval});
}
commit();

for (const server of servers) {
  declare(server + "PeriodicInformTime", {value: daily}, {value: daily % day});
}
