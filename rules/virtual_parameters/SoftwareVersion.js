// SoftwareVersion: the version of the firmware, whichever root the device has.
//
// Read only. As recent as whoever declares it wants: {value: 1} takes what is known.

const wanted = {value: args[0].value};
let version = "";
for (const root of ["Device", "InternetGatewayDevice"]) {
  const known = declare(`${root}.DeviceInfo.SoftwareVersion`, wanted).value;
  if (known) version = known[0];
}
return {writable: false, value: [version, "xsd:string"]};
