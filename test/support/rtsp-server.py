"""An RTSP server for tests: GStreamer's own, playing a file from its beginning to whoever asks."""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--file", required=True)
parser.add_argument("--port", default="0")
parser.add_argument("--path", default="/cam")
parser.add_argument("--video", default="h264", choices=["h264", "h265", "none"])
parser.add_argument("--audio", default="aac", choices=["aac", "none"])
parser.add_argument("--video-payload-type", default="96")
parser.add_argument("--auth", choices=["basic", "digest"])
parser.add_argument("--user", default="")
parser.add_argument("--password", default="")
options = parser.parse_args()

Gst.init(None)

video = {
    "h264": "d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 config-interval=0",
    "h265": "d.video_0 ! queue ! h265parse ! rtph265pay name=pay0 config-interval=0",
}
launch = f'filesrc location="{options.file}" ! qtdemux name=d'
payloads = 0
if options.video != "none":
    launch += f" {video[options.video]} pt={options.video_payload_type}"
    payloads += 1
if options.audio != "none":
    launch += f" d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay{payloads} pt=97"

server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(options.port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( {launch} )")

if options.auth is not None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if options.auth == "basic":
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    else:
        # GST_RTSP_AUTH_DIGEST
        auth.set_supported_methods(2)
        auth.add_digest(options.user, options.password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)

server.get_mount_points().add_factory(options.path, factory)
server.attach(None)
print(f"listening on {server.get_bound_port()}", flush=True)
GLib.MainLoop().run()
