# syntax=docker/dockerfile:1
# docker build --build-arg VERSION=1.2.3 --build-arg REVISION="$(git rev-parse HEAD)" -t healthcare .
# Podman and buildah: buildah bud --format docker …, for the OCI format has no health check. Both build it from 1.28 (Debian 12) on.
# docker run --read-only --cap-drop ALL --security-opt no-new-privileges -p 127.0.0.1:8000:8000 -v healthcare:/data healthcare

# The builder runs on the machine's own architecture and cross-compiles, which needs no emulation because nothing is in C.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src

# Dependencies change less often than code: a layer of their own.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download

COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=development
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /healthcare ./cmd/healthcare
RUN mkdir /data

# Nothing but the program: no shell, no package manager, nothing to patch.
FROM scratch
# To verify the certificates of PostgreSQL and of whatever is asked over TLS later.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /healthcare /healthcare
# A new named volume takes over this folder's owner. A host folder that is mounted instead must belong to 65532.
COPY --from=build --chown=65532:65532 --chmod=0700 /data /data

# A number, so that Kubernetes can check runAsNonRoot without knowing names.
USER 65532:65532
# TMPDIR: /data is the one place to write, for SQLite's temporary files too, which hold patients' data.
ENV HTTP_ADDRESS=0.0.0.0:8000 \
    DATA_DIR=/data \
    TMPDIR=/data
VOLUME /data
EXPOSE 8000
# Without --start-interval, which buildah 1.28 (Debian 12) does not know.
HEALTHCHECK --interval=10s --timeout=5s --start-period=40s --retries=3 CMD ["/healthcare", "health"]
# Last, so that they leave the layers above as they are.
ARG VERSION=development
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="healthcare" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
ENTRYPOINT ["/healthcare"]
