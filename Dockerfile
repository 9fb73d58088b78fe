# Build: compile the sources, then drop what only development needs.
FROM node:24-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

# Run: the compiled program, as a user without rights, writing nowhere but to /data.
FROM node:24-slim
ENV NODE_ENV=production NODE_COMPILE_CACHE=/tmp/node-compile-cache
WORKDIR /app
COPY --from=build /src/package.json /src/LICENSE ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8086
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8086/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# It listens on all interfaces, so it asks who comes. The first start needs an administrator:
#   -e VARVE_ADMIN_USER=admin -e VARVE_ADMIN_PASSWORD=…   (or VARVE_ADMIN_PASSWORD_FILE=/run/secrets/…)
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["serve", "--listen", "0.0.0.0:8086", "--data", "/data"]
