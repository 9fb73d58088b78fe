"""What PyPI's influxdb says of a server, a line of JSON for each question. Arguments: the server's port."""

import json
import sys

from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError

PORT = int(sys.argv[1])


def show(what, value):
    print(json.dumps([what, value], sort_keys=True, default=str))


def failure(what, question):
    try:
        question()
    except InfluxDBClientError as error:
        show(what, [error.code, error.content])
    else:
        show(what, "no error")


client = InfluxDBClient("127.0.0.1", PORT, "user", "password", "py")
client.create_database("py")
show("database", "py" in [database["name"] for database in client.get_list_database()])
client.create_retention_policy("short", "2d", "1", "py", default=False, shard_duration="1h")
show("policies", client.get_list_retention_policies("py"))

points = [
    {
        "measurement": "cpu",
        "tags": {"host": "a b"},
        "time": "2023-11-14T22:13:20Z",
        "fields": {"f": 1.5, "i": 3, "b": True, "s": 'x"y'},
    },
    {"measurement": "cpu", "tags": {"host": "c"}, "time": 1700000001000000000, "fields": {"f": 2.5, "i": 2**62 + 1}},
]
show("write", client.write_points(points))
show("write to a policy", client.write_points([{"measurement": "cpu", "fields": {"f": 1.0}}], retention_policy="short"))
show("that policy", len(list(client.query('SELECT f FROM "short".cpu').get_points())))

# The client asks for MessagePack; times come as its extension.
groups = client.query("SELECT * FROM cpu GROUP BY host")
show("groups", [[key, list(rows)] for key, rows in groups.items()])
several = client.query("SELECT mean(f) FROM cpu; SHOW MEASUREMENTS", epoch="ms")
show("several statements", [list(result.get_points()) for result in several])
bound = client.query("SELECT f FROM cpu WHERE host = $h", bind_params={"h": "c"})
show("parameters", list(bound.get_points()))
text = InfluxDBClient("127.0.0.1", PORT, database="py", headers={"Accept": "application/json"})
chunks = text.query("SELECT f FROM cpu", chunked=True, chunk_size=1)
show("chunks", [list(chunk.get_points()) for chunk in chunks])
show("measurements", client.get_list_measurements())
show("series", client.get_list_series("py"))

failure("unknown function", lambda: client.query("SELECT bad(f) FROM cpu"))
failure("no statement", lambda: client.query("SELEC"))
failure("no database", lambda: client.query("SELECT f FROM cpu", database="nope"))

client.alter_retention_policy("short", "py", duration="3d", default=False)
show("altered", client.get_list_retention_policies("py")[1])
client.drop_retention_policy("short", "py")
client.create_user("reader", "secret")
client.grant_privilege("read", "py", "reader")
show("privileges", client.get_list_privileges("reader"))
client.revoke_privilege("read", "py", "reader")
client.set_user_password("reader", "other")
show("users", client.get_list_users())
client.drop_user("reader")
client.create_continuous_query("hourly", "SELECT mean(f) INTO means FROM cpu GROUP BY time(1h)", "py")
show("continuous queries", [cqs for cqs in client.get_list_continuous_queries() if "py" in cqs])
client.drop_continuous_query("hourly", "py")
client.delete_series(tags={"host": "c"})
show("left", list(client.query("SELECT f FROM cpu").get_points()))
client.drop_measurement("cpu")
show("none left", client.get_list_measurements())

try:
    import pandas
    from influxdb import DataFrameClient
except ImportError:
    show("frames", "pandas is not installed")
else:
    frames = DataFrameClient("127.0.0.1", PORT, database="py")
    index = pandas.to_datetime(["2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"])
    frame = pandas.DataFrame({"f": [1.0, 2.5], "i": [1, 2], "s": ["a", "b"]}, index=index)
    frames.write_points(frame, "frame", tags={"t": "x"})
    read = frames.query("SELECT * FROM frame")["frame"]
    show("frame", [list(read.columns), [str(at) for at in read.index], read.values.tolist()])

client.drop_database("py")
