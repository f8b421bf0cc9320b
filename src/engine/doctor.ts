import type { AbsPath } from "#model/brand";
import type { DoctorReport } from "#model/doctor";
import { cgroupChecks } from "#observe/doctor-cgroups";
import { hostChecks } from "#observe/doctor-host";
import { mountChecks } from "#observe/doctor-mounts";
import type { Probe } from "#ports/probe";
import type { ReadHost } from "./host.ts";

/** What this host offers, and what to do about each "no". Changes nothing. `refused`: why an ordinary user got no user namespace. */
export function doctor(host: ReadHost, probe: Probe, refused?: string): DoctorReport {
  const { reader } = host;
  const kernel = reader.textAny("/proc/sys/kernel/osrelease" as AbsPath)?.trim() ?? "unknown";
  const checks = [
    ...mountChecks(reader, probe, refused),
    ...cgroupChecks(reader),
    ...hostChecks(reader, probe, host.state),
  ];
  return { kernel, rootless: reader.rootless !== undefined, checks };
}
