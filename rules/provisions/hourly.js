// hourly: reads what counts or measures.
//
// The preset lets it run in the first half of each hour. It reads in the first of these sessions,
// and in the others finds that all is younger than the full hour. The schedule must be longer than
// the time between two Informs, or a device may miss it.

const hour = Date.now("0 * * * *", 0);

for (const path of [
  "Device.DeviceInfo.UpTime",
  "Device.DeviceInfo.MemoryStatus.Free",
  "Device.DeviceInfo.ProcessStatus.CPUUsage",
  "Device.WiFi.AccessPoint.*.AssociatedDeviceNumberOfEntries",
  "InternetGatewayDevice.DeviceInfo.UpTime",
  "InternetGatewayDevice.LANDevice.*.WLANConfiguration.*.TotalAssociations",
]) {
  declare(path, {value: hour});
}
