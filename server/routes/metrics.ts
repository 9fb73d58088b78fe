import type { Route } from '../route.ts';

export const metricsRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/metrics',
    access: 'metrics',
    purpose: "the server's own metrics in Prometheus' text format",
    async handle({ metrics }) {
      const text = await metrics.registry.metrics();
      return new Response(text, { headers: { 'content-type': metrics.registry.contentType } });
    },
  },
];
