# syntax=docker/dockerfile:1
# docker build --build-arg VERSION=1.2.3 --build-arg REVISION="$(git rev-parse HEAD)" -t healthcare .
# Podman and buildah: buildah bud --format docker …, because the OCI format has no health check. Both build it from 1.28
# (Debian 12) on.
# docker run --read-only --cap-drop ALL --security-opt no-new-privileges -p 127.0.0.1:8000:8000 \
#   -v healthcare:/data healthcare

# The builder runs on the machine's own architecture and cross-compiles, without emulation: there is no C code.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src

# Dependencies have their own layer because they change less often than code.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download

COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=development
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /healthcare ./cmd/healthcare
RUN mkdir /data

# The image contains the program only: no shell, no package manager.
FROM scratch
# To verify certificates of PostgreSQL and of other services over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /healthcare /healthcare
# A new named volume inherits this folder's owner. A mounted host folder must belong to 65532.
COPY --from=build --chown=65532:65532 --chmod=0700 /data /data

# A number, so that Kubernetes can check runAsNonRoot.
USER 65532:65532
# TMPDIR: only /data is writable. SQLite's temporary files, which contain patients' data, are there too.
ENV HTTP_ADDRESS=0.0.0.0:8000 \
    DATA_DIR=/data \
    TMPDIR=/data
VOLUME /data
EXPOSE 8000
# Without --start-interval, which buildah 1.28 (Debian 12) does not support.
HEALTHCHECK --interval=10s --timeout=5s --start-period=40s --retries=3 CMD ["/healthcare", "health"]
# Last, so that the layers above remain cached.
ARG VERSION=development
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="healthcare" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
ENTRYPOINT ["/healthcare"]
