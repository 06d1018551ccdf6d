# PostgreSQL 15 of Debian with recseq, from the Debian package of this checkout.
#
#   docker build -t recseq .
#   docker run -e POSTGRES_PASSWORD=secret -v recseq:/var/lib/postgresql/data --shm-size 1g -p 5432:5432 recseq
#
# --shm-size: training and loaded models share memory there; Docker's 64 MB are too little for all but small models, which then
# do without (docs/operations.md).
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential debhelper libopenblas-serial-dev postgresql-server-dev-all
COPY . /build/recseq
RUN cd /build/recseq && dpkg-buildpackage -b -us -uc && rm -f /build/*-dbgsym_*

FROM debian:bookworm-slim
COPY --from=build /build/*.deb /tmp/
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-common && \
    mkdir -p /etc/postgresql-common/createcluster.d && \
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/recseq.conf && \
    apt-get install -y --no-install-recommends /tmp/*.deb && \
    rm -rf /tmp/*.deb /var/lib/apt/lists/*
COPY app/docker-server.sh /usr/local/bin/recseq-server
RUN install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:$PATH
ENV PGDATA=/var/lib/postgresql/data
USER postgres
VOLUME /var/lib/postgresql/data
EXPOSE 5432
CMD ["recseq-server"]
