"""What pyarrow reads from answers of a server: a line of JSON for each URL of the arguments.

A line holds the schema's types and metadata and the columns, or with --count before the URL the number of rows and the
sum of the column `value`. Times are shown as the numbers that they are stored as, floats by their repr.
"""

import json
import sys
import urllib.request

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

TYPE = "application/vnd.apache.arrow.stream"


def read(url):
    request = urllib.request.Request(url, headers={"Accept": TYPE})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Content-Type"] == TYPE, answer.headers["Content-Type"]
        with pa.ipc.open_stream(answer) as reader:
            return reader.read_all()


def shown(column):
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return [repr(value) if isinstance(value, float) else value for value in column.to_pylist()]


count = False
for argument in sys.argv[1:]:
    if argument == "--count":
        count = True
        continue
    table = read(argument)
    table.validate(full=True)
    if count:
        print(json.dumps([table.num_rows, repr(pc.sum(table["value"]).as_py())]))
    else:
        types = {field.name: str(field.type) for field in table.schema}
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        columns = {name: shown(table[name]) for name in table.column_names}
        print(json.dumps({"types": types, "metadata": metadata, "columns": columns}))
    count = False
