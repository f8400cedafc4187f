// default: reads what operators look at.
//
// Runs in each session, and reads once an hour; the hour begins at another minute for each device.
// Which rows a table has is asked once a day, since that takes requests of its own, and once an hour
// of the hosts, which come and go. A path that a device does not have costs nothing.
//
// Add what you look at often. For what you look at seldom, a task reads it when it is wanted.

const hourly = Date.now(60 * 60 * 1000);
const daily = Date.now(24 * 60 * 60 * 1000);

// Single parameters.
for (const path of [
  "Device.DeviceInfo.HardwareVersion",
  "Device.DeviceInfo.SoftwareVersion",
  "Device.Hosts.HostNumberOfEntries",
  "InternetGatewayDevice.DeviceInfo.HardwareVersion",
  "InternetGatewayDevice.DeviceInfo.SoftwareVersion",
]) {
  declare(path, {value: hourly});
}

// Parameters of rows.
const connection = "InternetGatewayDevice.WANDevice.*.WANConnectionDevice.*";
for (const path of [
  "Device.IP.Interface.*.IPv4Address.*.IPAddress",
  "Device.WiFi.SSID.*.SSID",
  `${connection}.WANIPConnection.*.ExternalIPAddress`,
  `${connection}.WANIPConnection.*.MACAddress`,
  `${connection}.WANPPPConnection.*.ExternalIPAddress`,
  "InternetGatewayDevice.LANDevice.*.WLANConfiguration.*.SSID",
  "InternetGatewayDevice.LANDevice.*.Hosts.HostNumberOfEntries",
]) {
  declare(path, {path: daily, value: hourly});
}

// Hosts: whose rows are asked for each hour, and whose columns are where they were.
const hosts = {
  "Device.Hosts.Host": ["HostName", "IPAddress", "PhysAddress"],
  "InternetGatewayDevice.LANDevice.*.Hosts.Host": ["HostName", "IPAddress", "MACAddress"],
};
for (const [table, columns] of Object.entries(hosts)) {
  declare(`${table}.*`, {path: hourly});
  for (const column of columns) declare(`${table}.*.${column}`, {value: hourly});
}
