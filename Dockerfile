# The image of a server: non-root, one volume (/data), a read-only root filesystem will do. deploy/README.md tells how to run it.
#
# Both stages stand on the same release of Debian, as the second takes Node's program from the first.

# Build: compile the sources and the page, then leave out what only development needs.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Without scripts: the page, which `prepare` builds, has no sources here yet. This layer stays as long as the lock does.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund && chmod 755 dist/cli/main.js

# Run: Node, the compiled program and what it imports; no npm.
FROM debian:bookworm-slim
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /src/package.json /src/LICENSE /src/deploy/healthcheck.mjs /app/
COPY --from=build /src/node_modules /app/node_modules
COPY --from=build /src/dist /app/dist
RUN groupadd --gid 10001 varve \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin varve \
  && install -d -o varve -g varve -m 0750 /data \
  && ln -s /app/dist/cli/main.js /usr/local/bin/varve
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8086
# Every setting can be given this way; docs/configuration.md lists them. It listens on all interfaces, so it asks who comes, and
# the first start needs an administrator: VARVE_ADMIN_USER with VARVE_ADMIN_PASSWORD or VARVE_ADMIN_PASSWORD_FILE.
ENV NODE_ENV=production VARVE_LISTEN=:8086 VARVE_DATA=/data
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["node", "/app/healthcheck.mjs"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["varve"]
CMD ["serve"]
