# One static binary and nothing else: docker build -t ilp-connector .
#
# Nothing here needs BuildKit. The stages before the last one are thrown away.
ARG RUST_IMAGE=rust:1.95-slim-bookworm

# Sorts what was sent: /manifests has the manifests, with an empty program in the place of every file that cargo looks
# for by itself; /sources has what the binary is made of. The steps below that copy them run again only when they differ.
FROM ${RUST_IMAGE} AS sorted
WORKDIR /sources
COPY . .
RUN cp -a /sources /manifests && cd /manifests \
 && find . -type f ! -name Cargo.toml ! -name Cargo.lock -regextype posix-extended \
      ! -regex '\./[^/]+/(src/(main|lib)|(benches|tests|examples)/([^/]+|[^/]+/main))\.rs' -delete \
 && find . -type d -empty -delete \
 && find . -name '*.rs' -exec sh -c 'echo "fn main() { }" | tee "$@" >/dev/null' sh {} + \
 && cd /sources && find . -type f ! -path './*/src/*' -delete

FROM ${RUST_IMAGE} AS build
WORKDIR /src
# With an explicit --target the flags are not those of build scripts and macros, which cannot be static.
ENV RUSTFLAGS="-C target-feature=+crt-static"
COPY --from=sorted /manifests .
RUN cargo build --locked --profile dist -p ilp-connector --target "$(rustc -vV | sed -n 's/^host: //p')"
COPY --from=sorted /sources .
# The commit that the binary names in --version.
ARG ILP_CONNECTOR_REVISION=
# Copied files keep their old times, and cargo would take the empty programs for newer.
RUN find . -name '*.rs' -exec touch {} + \
 && cargo build --locked --profile dist -p ilp-connector --target "$(rustc -vV | sed -n 's/^host: //p')" \
 && cp target/*/dist/ilp-connector /ilp-connector

FROM scratch
ARG ILP_CONNECTOR_REVISION=
LABEL org.opencontainers.image.title="ilp-connector" \
      org.opencontainers.image.description="An Interledger connector: ILPv4 over BTP/2.0 on WebSockets" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.revision="${ILP_CONNECTOR_REVISION}"
COPY --from=build /ilp-connector /usr/local/bin/ilp-connector
# Names of files in variables and flags start here.
WORKDIR /etc/ilp-connector
# Nobody in particular; a number, so that an orchestrator can see that it is not root.
USER 65532:65532
# BTP; /health, /metrics and the like
EXPOSE 3000 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=3s --timeout=2s --retries=2 --start-period=5s CMD ["ilp-connector", "healthcheck"]
ENTRYPOINT ["ilp-connector"]
CMD ["run"]
