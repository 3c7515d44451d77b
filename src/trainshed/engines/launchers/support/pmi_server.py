"""A process manager for MPI ranks that others start: PMI version 1 over TCP.

``pmi_server.py HOST PORT NODES PER_NODE``; the key that ranks must show is in ``TRAINSHED_PMI_KEY``.
MPICH and its kin ask their process manager for little: who am I, what have the others put,
let us all meet. The protocol is the one that Flux describes in its RFC 13. Each rank's first
line is its key; after that it speaks PMI. Ranks may be anywhere. Told to end, it waits for ranks of
other nodes that are about to finish.
"""

import hashlib
import hmac
import os
import signal
import socketserver
import sys
import threading
import time


class Job:
    """What the ranks of one job share."""

    def __init__(self, nodes: int, per_node: int, name: str) -> None:
        self.name = name  # MPICH names its shared memory after it, so no two jobs may share it
        self.size = nodes * per_node
        self.values = {"PMI_process_mapping": "(vector,(0,%d,%d))" % (nodes, per_node)}
        self.meeting = threading.Barrier(self.size)
        self.present = 0
        self.mutex = threading.Lock()

    def count(self, change: int) -> None:
        """A rank came or went."""
        with self.mutex:
            self.present += change

    def answer(self, command: str, fields: "dict[str, str]") -> str:
        """What to say to one command of a rank."""
        answers = {
            "init": "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0",
            "get_maxes": "cmd=maxes kvsname_max=256 keylen_max=256 vallen_max=1024 rc=0",
            "get_universe_size": "cmd=universe_size size=%d rc=0" % self.size,
            "get_appnum": "cmd=appnum appnum=0 rc=0",
            "get_my_kvsname": "cmd=my_kvsname kvsname=%s rc=0" % self.name,
            "finalize": "cmd=finalize_ack rc=0",
            "publish_name": "cmd=publish_result rc=1 msg=not_supported",
            "lookup_name": "cmd=lookup_result rc=1 msg=not_supported",
            "unpublish_name": "cmd=unpublish_result rc=1 msg=not_supported",
            "spawn": "cmd=spawn_result rc=-1",
        }
        if command in answers:
            return answers[command]
        if command == "put":
            self.values[fields["key"]] = fields["value"]
            return "cmd=put_result rc=0 msg=success"
        if command == "get":
            value = self.values.get(fields["key"])
            if value is None:
                return "cmd=get_result rc=-1 msg=key_not_found value=unknown"
            return "cmd=get_result rc=0 msg=success value=" + value
        if command == "barrier_in":
            self.meeting.wait()
            return "cmd=barrier_out rc=0"
        return "cmd=%s_result rc=-1 msg=unknown_command" % command


class Rank(socketserver.StreamRequestHandler):
    """The connection of one rank."""

    job: Job

    def handle(self) -> None:
        """Answer until the rank is gone."""
        key = self.rfile.readline().strip()
        if not hmac.compare_digest(key, os.environ["TRAINSHED_PMI_KEY"].encode()):
            return
        self.wfile.write(b"ok\n")
        self.job.count(1)
        try:
            self.serve()
        finally:
            self.job.count(-1)

    def serve(self) -> None:
        """Answer the commands of a rank that has shown its key."""
        for line in self.rfile:
            text = line.decode("utf-8", "replace").rstrip("\n")
            fields = parse(text)
            command = fields.get("cmd", "")
            if command == "abort":
                return
            self.wfile.write((self.job.answer(command, fields) + "\n").encode())
            if command == "finalize":
                return


def parse(line: str) -> "dict[str, str]":
    """``cmd=put kvsname=k key=a value=b c`` as a dict; a value runs to the end of the line."""
    head, mark, value = line.partition(" value=")
    fields = dict(word.split("=", 1) for word in head.split() if "=" in word)
    if mark:
        fields["value"] = value
    return fields


class Server(socketserver.ThreadingTCPServer):
    """Listens for the ranks of one job."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, address: "tuple[str, int]", job: Job) -> None:
        handler = type("RankOfJob", (Rank,), {"job": job})
        socketserver.ThreadingTCPServer.__init__(self, address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A rank that went away is its agent's news."""


def leave(server: Server, job: Job) -> None:
    """End once no rank is connected."""
    while job.present:
        time.sleep(0.02)
    server.shutdown()


if __name__ == "__main__":
    host, port, nodes, per_node = sys.argv[1:]
    unique = hashlib.sha256(os.environ["TRAINSHED_PMI_KEY"].encode()).hexdigest()[:16]
    the_job = Job(int(nodes), int(per_node), "trainshed_" + unique)
    the_server = Server((host, int(port)), the_job)
    leaving = threading.Thread(target=leave, args=(the_server, the_job), daemon=True)

    def start_leaving(*_: object) -> None:
        """Once is enough."""
        if not leaving.is_alive():
            leaving.start()

    signal.signal(signal.SIGTERM, start_leaving)
    the_server.serve_forever()
