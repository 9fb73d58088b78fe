/** JSON that several operations answer with. */
import type { Schema } from './operation.ts';

const strings = { type: 'array', items: { type: 'string' } };
const labels = { type: 'object', additionalProperties: { type: 'string' } };
/** Seconds since the epoch, and a float as text: NaN, +Inf and -Inf are no numbers of JSON. */
const sample = { type: 'array', prefixItems: [{ type: 'number' }, { type: 'string' }], minItems: 2, maxItems: 2 };
const cell = { type: ['number', 'string', 'boolean', 'null'] };

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  PrometheusError: {
    type: 'object',
    required: ['status', 'errorType', 'error'],
    properties: {
      status: { const: 'error' },
      errorType: {
        enum: [
          'bad_data',
          'canceled',
          'execution',
          'forbidden',
          'internal',
          'not_found',
          'timeout',
          'too_many_requests',
          'unauthorized',
          'unavailable',
        ],
      },
      error: { type: 'string' },
    },
  },
  InfluxError: { type: 'object', required: ['error'], properties: { error: { type: 'string' } } },
  InfluxV2Error: {
    type: 'object',
    required: ['code', 'message'],
    properties: { code: { type: 'string' }, message: { type: 'string' } },
  },
  PartialWrite: {
    type: 'object',
    required: ['error'],
    properties: {
      error: { type: 'string', description: "InfluxDB's words for the first bad line, with its line and column" },
      kept: { type: 'integer', description: 'rows that were stored' },
      rejected: { type: 'integer', description: 'lines that were not' },
      lines: {
        type: 'array',
        description: 'the first bad lines',
        items: {
          type: 'object',
          properties: {
            line: { type: 'integer' },
            column: { type: 'integer' },
            reason: { type: 'string' },
            excerpt: { type: 'string' },
          },
        },
      },
    },
  },
  QueryData: {
    type: 'object',
    required: ['resultType', 'result'],
    oneOf: [
      {
        properties: {
          resultType: { const: 'vector' },
          result: { type: 'array', items: { type: 'object', properties: { metric: labels, value: sample } } },
        },
      },
      {
        properties: {
          resultType: { const: 'matrix' },
          result: {
            type: 'array',
            items: { type: 'object', properties: { metric: labels, values: { type: 'array', items: sample } } },
          },
        },
      },
      { properties: { resultType: { enum: ['scalar', 'string'] }, result: sample } },
    ],
  },
  InfluxResults: {
    type: 'object',
    properties: {
      results: {
        type: 'array',
        description: 'one for each statement',
        items: {
          type: 'object',
          required: ['statement_id'],
          properties: {
            statement_id: { type: 'integer' },
            series: {
              type: 'array',
              items: {
                type: 'object',
                properties: {
                  name: { type: 'string' },
                  tags: labels,
                  columns: strings,
                  values: { type: 'array', items: { type: 'array', items: cell } },
                  partial: { type: 'boolean' },
                },
              },
            },
            messages: {
              type: 'array',
              items: { type: 'object', properties: { level: { type: 'string' }, text: { type: 'string' } } },
            },
            partial: { type: 'boolean' },
            error: { type: 'string' },
          },
        },
      },
    },
  },
  Database: {
    type: 'object',
    required: ['name', 'retentionMs', 'series', 'files', 'fileBytes', 'memtableBytes'],
    properties: {
      name: { type: 'string' },
      retentionMs: { type: 'number', description: 'age at which partitions are dropped; 0 is never' },
      retentionIsDefault: { type: 'boolean', description: "whether that is the server's setting" },
      partitionDurationSec: { type: ['number', 'null'] },
      sizeCapBytes: { type: 'number', description: '0 is none' },
      limits: {
        type: 'object',
        description: "null is the server's own limit",
        properties: {
          maxSeries: { type: ['number', 'null'] },
          maxNewSeriesPerSec: { type: ['number', 'null'] },
          maxTagsPerSeries: { type: ['number', 'null'] },
          maxTagValueBytes: { type: ['number', 'null'] },
        },
      },
      retentionPolicies: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            name: { type: 'string' },
            retentionMs: { type: 'number' },
            shardDurationMs: { type: 'number' },
            partitionDurationSec: { type: 'number' },
            isDefault: { type: 'boolean' },
          },
        },
      },
      series: { type: 'integer' },
      files: { type: 'integer' },
      fileBytes: { type: 'integer' },
      memtableBytes: { type: 'integer' },
    },
  },
  Grants: {
    type: 'array',
    items: {
      type: 'object',
      required: ['database', 'privilege'],
      properties: { database: { type: 'string' }, privilege: { enum: ['read', 'write', 'all'] } },
    },
  },
  User: {
    type: 'object',
    required: ['name', 'admin', 'grants'],
    properties: {
      name: { type: 'string' },
      admin: { type: 'boolean' },
      grants: { $ref: '#/components/schemas/Grants' },
    },
  },
  Token: {
    type: 'object',
    required: ['id', 'admin', 'grants'],
    properties: {
      id: { type: 'string' },
      description: { type: 'string' },
      admin: { type: 'boolean' },
      grants: { $ref: '#/components/schemas/Grants' },
      createdMs: { type: 'number' },
      expiresMs: { type: ['number', 'null'] },
    },
  },
  Bucket: {
    type: 'object',
    required: ['id', 'name', 'orgID', 'retentionRules'],
    properties: {
      id: { type: 'string' },
      name: { type: 'string' },
      orgID: { type: 'string' },
      retentionRules: { type: 'array', items: { type: 'object' } },
    },
  },
  LabelSets: { type: 'array', items: labels },
  Strings: strings,
  Object: { type: 'object' },
};
