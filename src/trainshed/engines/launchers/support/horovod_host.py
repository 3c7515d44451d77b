"""Starts the workers of an elastic Horovod job on one host, as the driver beside the first host says.

``horovod_host.py DRIVER NODE SLOTS DEVICES -- COMMAND``: with the driver's address, this node's number,
how many workers it has room for, and the cards to give to them, one each (``0,1``, or nothing).

Speaks to the driver in lines of JSON. It sends who it is and how each worker ended; it is told to
start a worker, to kill one, and at last with which exit code to end. Where the driver goes away the
workers are ended. On SIGTERM it waits for its workers, which are told by whoever sent that.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

SECRET = "TRAINSHED_ELASTIC_SECRET"
PATIENCE_S = 600
GRACE_S = 10


class Host:
    """The workers of this host."""

    def __init__(self, node: int, slots: int, devices: "list[str]", command: "list[str]") -> None:
        self.node, self.slots, self.devices, self.command = node, slots, devices, command
        self.workers: "dict[int, subprocess.Popen[bytes]]" = {}
        self.lock = threading.Lock()
        self.stopping = False
        self.connected = False
        self.driver = socket.socket()

    def serve(self, driver: "tuple[str, int]") -> int:
        """Do as the driver says; the exit code."""
        secret = os.environ.pop(SECRET, "")
        self.driver = connect(driver)
        self.connected = True
        self.say({"secret": secret, "node": self.node, "slots": self.slots})
        try:
            for line in self.driver.makefile("rb"):
                order = json.loads(line.decode())
                if "end" in order:
                    return self.end(order["end"])
                if "kill" in order:
                    self.kill(order["kill"])
                else:
                    self.start(order)
        except (OSError, ValueError) as error:
            self.print("the driver's words cannot be read: {}".format(error))
        if not self.stopping:
            self.print("the driver of this elastic job is gone; its workers are ended")
        return self.end(1)

    def start(self, order: "dict[str, object]") -> None:
        """Start a worker, and wait for its end beside everything else."""
        number, slot = int(str(order["start"])), int(str(order["slot"]))
        env = dict(os.environ)
        env.update(order["env"])  # type: ignore[call-overload]
        if self.devices:
            env["CUDA_VISIBLE_DEVICES"] = self.devices[slot]
        pipe = subprocess.PIPE if self.slots > 1 else None
        worker = subprocess.Popen(self.command, env=env, stdout=pipe, stderr=subprocess.STDOUT)
        self.workers[number] = worker
        threading.Thread(target=self.watch, args=(number, slot, worker), daemon=True).start()

    def watch(self, number: int, slot: int, worker: "subprocess.Popen[bytes]") -> None:
        """Pass on what a worker prints, each line with its slot, and tell how it ended."""
        if worker.stdout is not None:
            mark = "[slot {}] ".format(slot).encode()
            for line in worker.stdout:
                self.write(mark + line)
        self.say({"exit": number, "code": worker.wait()})

    def say(self, message: "dict[str, object]") -> None:
        """Tell the driver, if it is there."""
        try:
            with self.lock:
                self.driver.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def kill(self, number: int) -> None:
        """End a worker at once."""
        worker = self.workers.get(number)
        if worker is not None and worker.poll() is None:
            worker.kill()

    def end(self, code: int) -> int:
        """End all workers; the exit code: that of a stop where this was one."""
        until = time.monotonic() + GRACE_S
        left = [worker for worker in self.workers.values() if worker.poll() is None]
        for worker in left:
            if not self.stopping:
                worker.terminate()
        for worker in left:
            try:
                worker.wait(None if self.stopping else max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        return 128 + signal.SIGTERM if self.stopping else code

    def print(self, text: str) -> None:
        """A line for people."""
        self.write("{}\n".format(text).encode())

    def write(self, line: bytes) -> None:
        """Whole lines only, and one at a time."""
        with self.lock:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    def stop(self, *_: object) -> None:
        """The job is being stopped."""
        if not self.connected:
            os._exit(128 + signal.SIGTERM)
        self.stopping = True
        try:
            self.driver.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def connect(driver: "tuple[str, int]") -> socket.socket:
    """The driver starts beside us, maybe after us."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = socket.create_connection(driver, 30)
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    found.settimeout(None)
    return found


def main() -> int:
    """Run."""
    address, node, slots, devices = sys.argv[1:5]
    where = address.rpartition(":")
    host = Host(int(node), int(slots), [d for d in devices.split(",") if d], sys.argv[6:])
    signal.signal(signal.SIGTERM, host.stop)
    return host.serve((where[0], int(where[2])))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
