# SPDX-License-Identifier: Apache-2.0
"""The schemas use only what the validator knows, and the validator finds what is wrong."""

import json
import sys
import unittest

import house

sys.path.insert(0, str(house.SOURCE / "tests" / "support"))
import schema  # noqa: E402  (found through the line above)

DIGEST = "0" * 64


def an_answer(**changed):
    answer = {
        "success": True, "execution_id": "01990000-0000-7000-8000-000000000000", "execution": 17,
        "dag_id": "wordcount", "status": "completed", "total_nodes": 1, "completed_nodes": 1,
        "reused_nodes": 0, "failed_nodes": 0, "cancelled_nodes": 0, "pending_nodes": 0,
        "running_nodes": 0, "progress_percentage": 100.0, "started_at": "2026-11-20T22:59:01.123Z",
        "finished_at": "2026-11-20T22:59:02.123Z", "wall_ms": 1000,
        "results": {"top": {"text": "x", "key": DIGEST, "digest": DIGEST, "size": 1,
                            "data_type": "binary"}},
        "nodes": [],
    }
    answer.update(changed)
    return answer


class Schemas(unittest.TestCase):
    def test_every_schema_is_understood(self):
        names = [p.name.removesuffix(".schema.json") for p in schema.FOLDER.glob("*.schema.json")]
        self.assertGreater(len(names), 3)
        for name in names:
            with self.subTest(name):
                loaded = schema.load(name)
                self.assertEqual(loaded["$schema"], "https://json-schema.org/draft/2020-12/schema")
                self.assertTrue(loaded["title"] and loaded["description"])

    def test_answer(self):
        rules = schema.load("run-answer")
        self.assertEqual(schema.faults(an_answer(), rules), [])
        broken = [
            {"execution": 0}, {"status": "done"}, {"surprise": 1}, {"started_at": "yesterday"},
            {"success": False}, {"results": {"top": {"text": "x", "size": 1}}},
            {"failed_nodes": 1}, {"progress_percentage": 101},
        ]
        for change in broken:
            with self.subTest(change):
                self.assertNotEqual(schema.faults(an_answer(**change), rules), [])

    def test_result_is_text_or_base64(self):
        rules = schema.load("run-answer")
        answer = an_answer()
        answer["results"]["top"]["base64"] = "eA=="
        self.assertEqual(len(schema.faults(answer, rules)), 1)


class Validator(unittest.TestCase):
    def test_rules(self):
        cases = [
            ({"type": "integer"}, [1, 1.0], [True, 1.5, "1", None]),
            ({"type": ["string", "null"]}, ["", None], [0]),
            ({"enum": [1, "a", None]}, [1, "a", None], [True, "b"]),
            ({"const": False}, [False], [0, None]),
            ({"minimum": 1, "maximum": 2}, [1, 2], [0, 3]),
            ({"exclusiveMinimum": 1}, [2], [1]),
            ({"minLength": 1, "maxLength": 2, "pattern": "^a"}, ["a", "ab"], ["", "b", "abc"]),
            ({"format": "date-time"}, ["2026-11-20T22:59:01Z"], ["2026-11-20"]),
            ({"items": {"type": "string"}, "maxItems": 1}, [[], ["a"]], [[1], ["a", "b"]]),
            ({"prefixItems": [{"const": 1}], "items": False}, [[1]], [[2], [1, 2]]),
            ({"uniqueItems": True}, [[1, 2]], [[1, 1]]),
            ({"required": ["a"]}, [{"a": 1}], [{}]),
            ({"additionalProperties": False, "properties": {"a": True}}, [{"a": 1}], [{"b": 1}]),
            ({"patternProperties": {"^x": {"type": "null"}}}, [{"x1": None}], [{"x1": 1}]),
            ({"propertyNames": {"maxLength": 1}}, [{"a": 1}], [{"ab": 1}]),
            ({"dependentRequired": {"a": ["b"]}}, [{"b": 1}], [{"a": 1}]),
            ({"anyOf": [{"const": 1}, {"const": 2}]}, [1, 2], [3]),
            ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, [1], [0, 2]),
            ({"not": {"const": 1}}, [2], [1]),
            ({"if": {"const": 1}, "then": False, "else": {"const": 2}}, [2], [1, 3]),
            ({"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}, [1], [2]),
        ]
        for rules, good, bad in cases:
            schema.check_schema(rules, rules)
            for value in good:
                self.assertEqual(schema.faults(value, rules), [], (rules, value))
            for value in bad:
                self.assertNotEqual(schema.faults(value, rules), [], (rules, value))

    def test_unknown_keyword_is_refused(self):
        with self.assertRaises(schema.SchemaError):
            schema.check_schema({"properties": {"a": {"minimun": 1}}}, {})

    def test_unknown_reference_is_refused(self):
        with self.assertRaises(schema.SchemaError):
            schema.check_schema({"$ref": "#/$defs/none"}, {})

    def test_fault_names_its_place(self):
        rules = {"properties": {"a/b": {"items": {"type": "null"}}}}
        found = schema.faults(json.loads('{"a/b": [null, 1]}'), rules)
        self.assertEqual(found, ["/a~1b/1: is 1, not null"])


if __name__ == "__main__":
    unittest.main()
