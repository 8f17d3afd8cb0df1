# One role of Linchpin: `npm run image <role>` bundles it into dist/image/<role> and then builds this. The only step that runs
# inside is COPY, so the base may have neither a shell nor npm; the classic builder is enough.
ARG BASE=node:26-bookworm-slim
FROM ${BASE}
ARG ROLE
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=https://github.com/linchpin-uc/linchpin
LABEL org.opencontainers.image.title="linchpin-${ROLE}" \
      org.opencontainers.image.description="Linchpin, a unified-communications server: its role ${ROLE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY dist/image/${ROLE}/ /app/
ENV NODE_ENV=production LINCHPIN_CONFIG=/etc/linchpin/config.yaml
# A number, so that runAsNonRoot can be checked without looking into the image.
USER 10001:10001
WORKDIR /app
# /app/package.json names the role's own file as `main`.
ENTRYPOINT ["node", "--enable-source-maps", "/app"]
