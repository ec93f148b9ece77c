"""A gRPC client that holds a server to what grpcio (gRPC's C core) expects of one. It sends bytes as they are.

python-client.py check ADDRESS    runs every scenario; prints "ok NAME" or "failed NAME: WHY" for each
python-client.py load ADDRESS     calls until standard input ends; prints "calls N" and "error TEXT" lines
"""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

LIMIT = 4 * 1024 * 1024
PERIOD = bytes(range(251))


def pattern(size):
    return (PERIOD * (size // 251 + 1))[:size]


class Client:
    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, [("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 1)])

    def start(self, method, message=b"", timeout=10, **options):
        return self.channel.unary_unary(f"/test.Echo/{method}").future(message, timeout=timeout, **options)

    def echo(self, method, message, **options):
        answer = self.start(method, message, **options).result()
        assert answer == message, f"{len(answer)} bytes came back for {len(message)}"

    def large(self, size):
        assert self.start("Large", str(size).encode(), timeout=20).result() == pattern(size)


def refused(call, code):
    try:
        call.result()
    except grpc.FutureCancelledError:
        assert code == grpc.StatusCode.CANCELLED, "cancelled"
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} instead of {code}: {error.details()}"
        return error
    else:
        raise AssertionError("the call was answered")


def many_in_turn(client):
    for i in range(1500):
        client.echo("Echo", str(i).encode())


def many_at_a_time(client):
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda i: client.echo("Later", str(i).encode()), range(2000)))


def deadline(client):
    started = time.monotonic()
    refused(client.start("Wait", b"60000", timeout=0.2), grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - started < 2


def cancelling(client):
    calls = [client.start("Wait", b"60000") for _ in range(50)]
    time.sleep(0.05)
    for call in calls:
        call.cancel()
        refused(call, grpc.StatusCode.CANCELLED)
    client.echo("Echo", b"still here")


def refusal(client):
    error = refused(client.start("Refuse"), grpc.StatusCode.NOT_FOUND)
    assert error.details() == os.environ["REFUSAL"], error.details()
    assert dict(error.trailing_metadata())["sideboard-code"] == "UNKNOWN_THING"


def unforeseen(client):
    error = refused(client.start("Break"), grpc.StatusCode.INTERNAL)
    assert "hunter2" not in str(error)


def large_answers(client):
    client.large(16 << 20)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda i: client.large((3 << 20) + i), range(12)))


def over_the_limit(client):
    for call in [client.start("Echo", pattern(LIMIT + 1)) for _ in range(4)]:
        refused(call, grpc.StatusCode.RESOURCE_EXHAUSTED)
    client.echo("Echo", b"still here")


def compressed(client):
    for algorithm in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        client.echo("Echo", b"packed " * 100_000, compression=algorithm)
        over = client.start("Echo", bytes(LIMIT + 1), compression=algorithm)
        refused(over, grpc.StatusCode.RESOURCE_EXHAUSTED)


def large_metadata(client):
    neighbour = client.start("Wait", b"300")
    time.sleep(0.05)
    client.echo("Echo", b"x", metadata=(("x-large", "v" * 60_000),))
    # grpcio does not look at the server's limit. A single field of more than 64 KiB would end the connection.
    metadata = tuple((f"x-large-{i}", "v" * 25_000) for i in range(4))
    refused(client.start("Echo", b"x", timeout=5, metadata=metadata), grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert neighbour.result() == b"300"


SCENARIOS = {
    "many calls in turn": many_in_turn,
    "many calls at a time": many_at_a_time,
    "an empty message": lambda client: client.echo("Echo", b""),
    "a deadline that passes": deadline,
    "cancelling": cancelling,
    "a refusal": refusal,
    "an unforeseen failure": unforeseen,
    "an unknown method": lambda client: refused(client.start("Nope"), grpc.StatusCode.UNIMPLEMENTED) and None,
    "large answers": large_answers,
    "a request at the limit": lambda client: client.echo("Echo", pattern(LIMIT)),
    "a request over the limit": over_the_limit,
    "compressed requests": compressed,
    "large metadata": large_metadata,
}


def check(client):
    for name, run in SCENARIOS.items():
        try:
            run(client)
            print(f"ok {name}", flush=True)
        except Exception as error:  # the report says which scenario, and goes on
            print(f"failed {name}: {str(error)[:300]!r}", flush=True)


def load(client):
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()

    def run(at):
        calls = 0
        while not stop.is_set():
            call = ("Large", b"300000") if at % 4 == 0 else ("Wait", b"2")
            try:
                client.start(*call, timeout=20, wait_for_ready=True).result()
            except grpc.RpcError as error:
                print(f"error {error.code()} {error.details()!r}", flush=True)
            calls += 1
        return calls

    with ThreadPoolExecutor(16) as pool:
        print(f"calls {sum(pool.map(run, range(16)))}", flush=True)


if __name__ == "__main__":
    {"check": check, "load": load}[sys.argv[1]](Client(sys.argv[2]))
