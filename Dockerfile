# Two stages: the first checks every wheel against constraints.txt, the second installs only those that the daemon needs.
FROM python:3.13-slim AS build
WORKDIR /src
COPY constraints.txt ./
RUN pip install --quiet --require-hashes -r constraints.txt \
 && pip download --quiet --require-hashes -r constraints.txt -d /wheels
COPY . .
RUN pip wheel --quiet --no-deps --no-build-isolation -w /wheels .

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --quiet --no-cache-dir --no-index --find-links /wheels tppcd \
 && useradd --system --uid 10317 --create-home --home-dir /var/lib/tppcd tppcd \
 && install -d -o tppcd -g tppcd /etc/tppcd
USER tppcd
ENV STATE_DIRECTORY=/var/lib/tppcd PYTHONUNBUFFERED=1
VOLUME ["/etc/tppcd", "/var/lib/tppcd"]
EXPOSE 8317
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8317/healthz', timeout=2)"]
ENTRYPOINT ["tppcd"]
# 0.0.0.0 inside the container: publish the port on 127.0.0.1, or set api-keys.
CMD ["run", "--config", "/etc/tppcd/config.yaml", "--host", "0.0.0.0"]
