# One image for all parts of Driftline: what a container runs is its verb, such as `score`.
#
#   docker build -t driftline .                                      on the processor
#   docker build -t driftline --build-arg EMBEDDED_STORE=yes .       with ClickHouse in it: docker run -p 8787:8787 … demo
#   docker build -t driftline-cuda --target cuda .                   on an NVIDIA card

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package needs its install script here: each brings what it is made of.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node bin/build.js && npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# What runs, and nothing for other systems. The embedded ClickHouse is 540 MB, and docker-compose.yml has a server.
ARG EMBEDDED_STORE=no
RUN mkdir /packed && cp --parents -r package.json node_modules bin/driftline.js dist clickhouse/migrations clickhouse/queries models/bundled /packed \
  && cd /packed/node_modules/onnxruntime-node/bin/napi-v6 \
  && find . -mindepth 1 -maxdepth 2 ! -path ./linux ! -path "./linux/$(node -p process.arch)" -prune -exec rm -r {} + \
  && if [ "$EMBEDDED_STORE" != yes ]; then rm -r /packed/node_modules/@chdb; fi

# CUDA 12 with cuDNN 9 is what onnxruntime-node's provider is built for; its install step fetches the provider itself.
FROM build AS build-cuda
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 node /packed/node_modules/onnxruntime-node/script/install.js

FROM nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04 AS cuda
ENV NODE_ENV=production DRIFTLINE_DATA=/data DRIFTLINE_REPLICA=auto DRIFTLINE_DEVICE=cuda
WORKDIR /app
COPY --from=build /usr/local/bin/node /usr/local/bin/
COPY --from=build-cuda /packed .
# The base has a user of that number already, called ubuntu.
RUN install -d -o 1000 -g 1000 /data && ln -s /app/bin/driftline.js /usr/local/bin/driftline
USER 1000:1000
VOLUME /data
EXPOSE 8787
ENTRYPOINT ["driftline"]
CMD ["--help"]

FROM node:22-bookworm-slim
ENV NODE_ENV=production DRIFTLINE_DATA=/data DRIFTLINE_REPLICA=auto
WORKDIR /app
COPY --from=build /packed .
RUN install -d -o 1000 -g 1000 /data && ln -s /app/bin/driftline.js /usr/local/bin/driftline
USER 1000:1000
VOLUME /data
EXPOSE 8787
ENTRYPOINT ["driftline"]
CMD ["--help"]
