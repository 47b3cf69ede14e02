# Judges documents by a JSON Schema: the path of the schema is the argument, a JSON list of documents comes by standard input, and the
# first objection to each, or null, goes out.

import json
import sys

import jsonschema_rs

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema_rs.meta.validate(schema)
validator = jsonschema_rs.validator_for(schema)


def objection(document):
    error = next(validator.iter_errors(document), None)
    return error and f"{'/'.join(map(str, error.instance_path))}: {error.message}"


print(json.dumps([objection(document) for document in json.load(sys.stdin)]))
