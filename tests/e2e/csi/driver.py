"""A CSI driver for the tests: another gRPC stack, and the rules of the specification.

    driver.py PROTO SOCKET STATE [FEATURE…]

PROTO is csi.proto, compiled at the start. Volumes and snapshots are directories below
STATE, so that they outlive the driver; what is staged and published lives as long as
its mounts do. Each call is a line of JSON in STATE/log, and so is whatever the caller
has done against the rules ("violation").

Features: `controller` (ControllerPublish), `no-stage`, `no-controller`, `no-list`,
`no-ready` (Probe says nothing), `no-mount` (publishes without mounting).

Faults are lines of JSON in STATE/faults, the first that fits is used up:
{"verb": …, "do": "die-before"|"die-after"|"sleep"|"fail"|"not-ready", "code": …, "seconds": …}
"""

import fcntl
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent import futures

import grpc
from grpc_tools import protoc

proto, socket, state = sys.argv[1:4]
features = set(sys.argv[4:])

generated = tempfile.mkdtemp()
directory, name = os.path.split(proto)
well_known = os.path.join(os.path.dirname(importlib.import_module("grpc_tools").__file__), "_proto")
include = well_known if os.path.isdir(well_known) else "/usr/include"
arguments = ["protoc", f"-I{directory}", f"-I{include}"]
arguments += [f"--python_out={generated}", f"--grpc_python_out={generated}", name]
if protoc.main(arguments) != 0:
    sys.exit("csi.proto cannot be compiled")
sys.path.insert(0, generated)
csi = importlib.import_module("csi_pb2")
rpc = importlib.import_module("csi_pb2_grpc")
shutil.rmtree(generated)

os.makedirs(state, exist_ok=True)
SECRETS = {"CreateVolume", "DeleteVolume", "ControllerPublishVolume", "ControllerUnpublishVolume",
           "NodeStageVolume", "NodePublishVolume", "CreateSnapshot", "DeleteSnapshot"}


def log(**line):
    with open(f"{state}/log", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(line) + "\n")


def take_fault(verb, when):
    """The first fault for this verb and moment, which is gone then."""
    path = f"{state}/faults"
    try:
        with open(path, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            faults = [json.loads(line) for line in file if line.strip()]
            for fault in faults:
                if fault["verb"] == verb and when(fault["do"]):
                    faults.remove(fault)
                    file.seek(0)
                    file.truncate()
                    file.writelines(json.dumps(fault) + "\n" for fault in faults)
                    return fault
    except FileNotFoundError:
        pass
    return None


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message


def refuse(code, message):
    raise Refused(code, message)


def violation(verb, what):
    log(violation=f"{verb}: {what}")
    refuse("INVALID_ARGUMENT", what)


def read(name):
    try:
        with open(f"{state}/{name}.json") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def write(name, value):
    with open(f"{state}/{name}.new", "w") as file:
        json.dump(value, file)
    os.rename(f"{state}/{name}.new", f"{state}/{name}.json")


def mounted(path):
    with open("/proc/self/mountinfo") as file:
        return any(line.split()[4] == path for line in file)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def unmount(path):
    while mounted(path):
        subprocess.run(["umount", path], check=True)


def described(request, verb):
    line = {"verb": verb}
    for field, value in request.ListFields():
        if field.name == "secrets":
            line["secrets"] = sorted(value)  # Their names alone.
        elif field.message_type and field.message_type.GetOptions().map_entry:
            line[field.name] = dict(value)
        elif field.message_type:
            line[field.name] = str(value)
        else:
            line[field.name] = value
    return line


def serve(verb, function):
    def handler(self, request, context):
        line = described(request, verb)
        try:
            wanted = os.environ.get("CSI_TEST_SECRET")
            if verb in SECRETS and wanted and dict(request.secrets) != {"key": wanted}:
                violation(verb, "the secrets are not those that were agreed")
            fault = take_fault(verb, lambda do: do != "die-after")
            if fault:
                line["fault"] = fault["do"]
                if fault["do"] == "die-before":
                    log(**line)
                    os._exit(3)
                if fault["do"] == "sleep":
                    time.sleep(fault["seconds"])
                if fault["do"] == "fail":
                    refuse(fault["code"], fault.get("message", "as the test wants it"))
                if fault["do"] == "not-ready":
                    log(**line)
                    answer = csi.ProbeResponse()
                    answer.ready.value = False
                    return answer
            answer = function(request)
            if take_fault(verb, lambda do: do == "die-after"):
                log(**line, fault="die-after")
                os._exit(3)
            log(**line)
            return answer
        except Refused as refused:
            log(**line, code=refused.code)
            context.abort(getattr(grpc.StatusCode, refused.code), refused.message)
    return handler


def service(base, functions):
    methods = {function.__name__: serve(function.__name__, function) for function in functions}
    return type(base.__name__, (base,), methods)()


# Identity


def GetPluginInfo(request):
    name = os.environ.get("CSI_TEST_NAME", "driver.test")
    return csi.GetPluginInfoResponse(name=name, vendor_version="1", manifest={"made": "for tests"})


def GetPluginCapabilities(request):
    answer = csi.GetPluginCapabilitiesResponse()
    if "no-controller" not in features:
        answer.capabilities.add().service.type = csi.PluginCapability.Service.CONTROLLER_SERVICE
    return answer


def Probe(request):
    answer = csi.ProbeResponse()
    if "no-ready" not in features:
        answer.ready.value = True
    return answer


# Controller


def ControllerGetCapabilities(request):
    kinds = csi.ControllerServiceCapability.RPC
    can = [kinds.CREATE_DELETE_VOLUME, kinds.CREATE_DELETE_SNAPSHOT, kinds.CLONE_VOLUME]
    if "controller" in features:
        can += [kinds.PUBLISH_UNPUBLISH_VOLUME, kinds.PUBLISH_READONLY]
    if "no-list" not in features:
        can.append(kinds.LIST_VOLUMES)
    answer = csi.ControllerGetCapabilitiesResponse()
    for kind in can:
        answer.capabilities.add().rpc.type = kind
    return answer


def CreateVolume(request):
    if not request.name or not request.volume_capabilities:
        violation("CreateVolume", "name and volume_capabilities are required")
    volumes = read("volumes")
    asked = {
        "size": request.capacity_range.required_bytes,
        "parameters": dict(request.parameters),
        "source": str(request.volume_content_source),
    }
    for id, volume in volumes.items():
        if volume["name"] == request.name:
            if volume["asked"] != asked:
                refuse("ALREADY_EXISTS", "there is another one of this name")
            return create_answer(id, volume)
    if asked["size"] > 1 << 40:
        refuse("OUT_OF_RANGE", "that is more than there is")
    id = f"vol-{len(volumes) + 1}-{os.getpid()}"
    data = f"{state}/data/{id}"
    kind = request.volume_content_source.WhichOneof("type")
    if kind:
        source = request.volume_content_source
        source = source.snapshot.snapshot_id if kind == "snapshot" else source.volume.volume_id
        if not os.path.isdir(f"{state}/data/{source}"):
            refuse("NOT_FOUND", f"there is no {source}")
        shutil.copytree(f"{state}/data/{source}", data)
    else:
        os.makedirs(data)
    volumes[id] = {"name": request.name, "asked": asked, "size": asked["size"] or 1 << 20}
    write("volumes", volumes)
    return create_answer(id, volumes[id])


def create_answer(id, volume):
    made = csi.Volume(volume_id=id, capacity_bytes=volume["size"], volume_context={"of": volume["name"]})
    return csi.CreateVolumeResponse(volume=made)


def DeleteVolume(request):
    volumes = read("volumes")
    if request.volume_id in volumes:
        if in_use(request.volume_id):
            violation("DeleteVolume", "it is still published or staged")
        shutil.rmtree(f"{state}/data/{request.volume_id}", ignore_errors=True)
        del volumes[request.volume_id]
        write("volumes", volumes)
    return csi.DeleteVolumeResponse()


def in_use(id):
    return bool(read("nodes").get(id)) or any(it["id"] == id for it in mounts.values())


def volume(id):
    volumes = read("volumes")
    if id not in volumes:
        refuse("NOT_FOUND", f"there is no {id}")
    return volumes[id]


def expect_context(verb, request):
    if dict(request.volume_context) != {"of": volume(request.volume_id)["name"]}:
        violation(verb, "the volume_context is not the one that was given")


def expect_published(verb, request):
    published = {"device": "d1"} if "controller" in features else {}
    if dict(request.publish_context) != published:
        violation(verb, "the publish_context is not the one that was given")


def ControllerPublishVolume(request):
    expect_context("ControllerPublishVolume", request)
    if request.node_id != "node-1":
        violation("ControllerPublishVolume", "the node_id is not what NodeGetInfo says")
    nodes = read("nodes")
    nodes[request.volume_id] = request.node_id
    write("nodes", nodes)
    return csi.ControllerPublishVolumeResponse(publish_context={"device": "d1"})


def ControllerUnpublishVolume(request):
    if any(it["id"] == request.volume_id for it in mounts.values()):
        violation("ControllerUnpublishVolume", "it is still staged or published")
    nodes = read("nodes")
    nodes.pop(request.volume_id, None)
    write("nodes", nodes)
    return csi.ControllerUnpublishVolumeResponse()


def ListVolumes(request):
    ids = sorted(read("volumes").items())
    begin = int(request.starting_token or 0)
    page = ids[begin:begin + 2]  # So that there is more than one.
    answer = csi.ListVolumesResponse()
    for id, volume in page:
        answer.entries.add().volume.CopyFrom(csi.Volume(volume_id=id, capacity_bytes=volume["size"]))
    if begin + 2 < len(ids):
        answer.next_token = str(begin + 2)
    return answer


def CreateSnapshot(request):
    volume(request.source_volume_id)
    snapshots = read("snapshots")
    for id, snapshot in snapshots.items():
        if snapshot["name"] == request.name:
            if snapshot["source"] != request.source_volume_id:
                refuse("ALREADY_EXISTS", "there is another one of this name")
            return snapshot_answer(id, snapshot, True)
    id = f"snap-{len(snapshots) + 1}-{os.getpid()}"
    shutil.copytree(f"{state}/data/{request.source_volume_id}", f"{state}/data/{id}")
    snapshots[id] = {"name": request.name, "source": request.source_volume_id}
    write("snapshots", snapshots)
    return snapshot_answer(id, snapshots[id], False)


def snapshot_answer(id, snapshot, ready):
    made = csi.Snapshot(snapshot_id=id, source_volume_id=snapshot["source"], ready_to_use=ready)
    made.creation_time.GetCurrentTime()
    return csi.CreateSnapshotResponse(snapshot=made)


def DeleteSnapshot(request):
    snapshots = read("snapshots")
    if snapshots.pop(request.snapshot_id, None):
        shutil.rmtree(f"{state}/data/{request.snapshot_id}", ignore_errors=True)
        write("snapshots", snapshots)
    return csi.DeleteSnapshotResponse()


# Node


# By path: what we have mounted, and of which volume. It ends with us, as mounts do that
# nobody else sees; those that others see are found again.
mounts = {
    path: known for path, known in read("mounts").items() if mounted(path) or "no-mount" in features
}


def remember():
    write("mounts", mounts)


def NodeGetCapabilities(request):
    kinds = csi.NodeServiceCapability.RPC
    can = [kinds.GET_VOLUME_STATS]
    if "no-stage" not in features:
        can.append(kinds.STAGE_UNSTAGE_VOLUME)
    answer = csi.NodeGetCapabilitiesResponse()
    for kind in can:
        answer.capabilities.add().rpc.type = kind
    return answer


def NodeGetInfo(request):
    return csi.NodeGetInfoResponse(node_id="node-1")


def NodeStageVolume(request):
    expect_context("NodeStageVolume", request)
    expect_published("NodeStageVolume", request)
    path = request.staging_target_path
    if "no-stage" in features:
        violation("NodeStageVolume", "this node does not stage")
    if not os.path.isdir(path):
        violation("NodeStageVolume", "the caller makes the staging_target_path")
    if path not in mounts:
        if "no-mount" not in features:
            mount("--bind", f"{state}/data/{request.volume_id}", path)
        mounts[path] = {"id": request.volume_id, "staging": True}
        remember()
    return csi.NodeStageVolumeResponse()


def NodeUnstageVolume(request):
    path = request.staging_target_path
    if any(it.get("from") == path for it in mounts.values()):
        violation("NodeUnstageVolume", "it is still published")
    unmount(path)
    mounts.pop(path, None)
    remember()
    return csi.NodeUnstageVolumeResponse()


def NodePublishVolume(request):
    expect_context("NodePublishVolume", request)
    expect_published("NodePublishVolume", request)
    staging, target = request.staging_target_path, request.target_path
    if "no-stage" in features and staging:
        violation("NodePublishVolume", "there is no staging_target_path here")
    if "no-stage" not in features and mounts.get(staging, {}).get("id") != request.volume_id:
        refuse("FAILED_PRECONDITION", "it is not staged here")
    if target in mounts:
        return csi.NodePublishVolumeResponse()
    if os.path.exists(target):
        violation("NodePublishVolume", "the target_path is the driver's to make")
    if not os.path.isdir(os.path.dirname(target)):
        violation("NodePublishVolume", "the parent of target_path is the caller's to make")
    os.mkdir(target)
    if "no-mount" not in features:
        source = staging or f"{state}/data/{request.volume_id}"
        mount("--bind", source, target)
        if request.readonly:
            mount("-o", "remount,bind,ro", target)
    mounts[target] = {"id": request.volume_id, "from": staging}
    remember()
    return csi.NodePublishVolumeResponse()


def NodeUnpublishVolume(request):
    target = request.target_path
    unmount(target)
    mounts.pop(target, None)
    remember()
    if os.path.isdir(target):
        os.rmdir(target)
    return csi.NodeUnpublishVolumeResponse()


def NodeGetVolumeStats(request):
    if request.volume_path not in mounts:
        refuse("NOT_FOUND", "it is not mounted there")
    size = volume(request.volume_id)["size"]
    answer = csi.NodeGetVolumeStatsResponse()
    answer.usage.add(unit=csi.VolumeUsage.BYTES, total=size, used=4096, available=size - 4096)
    return answer


# One at a time, so that the files need no locks.
server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
rpc.add_IdentityServicer_to_server(
    service(rpc.IdentityServicer, [GetPluginInfo, GetPluginCapabilities, Probe]), server)
rpc.add_NodeServicer_to_server(
    service(rpc.NodeServicer, [
        NodeGetCapabilities, NodeGetInfo, NodeStageVolume, NodeUnstageVolume, NodePublishVolume,
        NodeUnpublishVolume, NodeGetVolumeStats]), server)
if "no-controller" not in features:
    rpc.add_ControllerServicer_to_server(
        service(rpc.ControllerServicer, [
            ControllerGetCapabilities, CreateVolume, DeleteVolume, ControllerPublishVolume,
            ControllerUnpublishVolume, ListVolumes, CreateSnapshot, DeleteSnapshot]), server)
if os.path.exists(socket):
    os.unlink(socket)
server.add_insecure_port(f"unix://{socket}")
server.start()
print("ready", flush=True)
server.wait_for_termination()
