# Two images from one file: `api` (also for migrations; no torch) and `worker` (with torch).
#   docker build --target api .
#   docker build --target worker .                                           CPU wheels of torch
#   docker build --target worker --build-arg TORCH_INDEX=https://pypi.org/simple .    CUDA wheels
# With --build-arg COMMIT=$(git rev-parse HEAD) jobs say in their provenance what source made them.

ARG PYTHON=python:3.11-slim-bookworm

# Dependencies first: pyproject alone names them, and they change less often than the code.
FROM ${PYTHON} AS api-build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
RUN pip install '.[api]'
COPY kdcore kdcore
COPY store store
COPY api api
COPY worker worker
COPY distillery distillery
COPY migrations migrations
RUN pip install --no-deps --force-reinstall .

FROM ${PYTHON} AS worker-build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install torch torchvision --index-url "${TORCH_INDEX}"
COPY pyproject.toml README.md LICENSE ./
RUN pip install '.[worker]'
COPY --from=api-build /src/kdcore kdcore
COPY --from=api-build /src/store store
COPY --from=api-build /src/api api
COPY --from=api-build /src/worker worker
COPY --from=api-build /src/distillery distillery
COPY --from=api-build /src/migrations migrations
RUN pip install --no-deps --force-reinstall .

# What both images share: nobody's user, one folder to write to, no build tools.
FROM ${PYTHON} AS base
RUN groupadd --gid 10001 distillery \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/distillery --no-create-home --shell /usr/sbin/nologin distillery \
 && install -d -m 0700 -o distillery -g distillery /var/lib/distillery
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DISTILLERY_HOME=/var/lib/distillery
WORKDIR /var/lib/distillery
VOLUME /var/lib/distillery
USER 10001:10001

FROM base AS api
COPY --from=api-build /opt/venv /opt/venv
ENV DISTILLERY_HOST=0.0.0.0 DISTILLERY_PORT=8400
EXPOSE 8400
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['DISTILLERY_PORT']}/readyz\", timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["python", "-P", "-m", "api"]

FROM base AS worker
COPY --from=worker-build /opt/venv /opt/venv
ARG COMMIT=
ENV DISTILLERY_COMMIT=${COMMIT}
# A worker is alive when its loop has told the database so within the last minute. The same as in docker-compose.yml.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
  CMD ["python", "-P", "-c", "import contextlib, socket, sys; from store.database import Database; from store.settings import settings; from store.workers import live; held = contextlib.ExitStack(); session = held.enter_context(Database(settings().database_url).read()); sys.exit(not any(worker.facts.get(\"host\") == socket.gethostname() for worker in live(session, 60)))"]
STOPSIGNAL SIGTERM
CMD ["python", "-P", "-m", "worker"]
