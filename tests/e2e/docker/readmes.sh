#!/bin/sh
# Commands as the READMEs of public images have them, in docker's words only:
# `docker` is a link to the program under test.
#
#     readmes.sh DIRECTORY REGISTRY
set -e
cd "$1"
registry=$2

# What is printed must be this.
is() {
    expected=$1
    shift
    found=$("$@")
    # shellcheck disable=SC2254 # A pattern.
    case $found in
        $expected) ;;
        *)
            printf 'not what was expected of: %s\n%s\n' "$*" "$found" >&2
            exit 1
            ;;
    esac
}

# Tries until it works; what is asked for needs a moment.
soon() {
    n=0
    until "$@" >/dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt 150 ] || { echo "never: $*" >&2; "$@"; }
        sleep 0.2
    done
}

# --- the command line
docker --version >/dev/null
docker version >/dev/null
docker info >/dev/null
is '*python*node*' sh -c 'docker images --format "{{.Repository}}" | sort -r | tr "\n" " "'

# --- python
echo 'import sys; print("hello from", sys.argv[0])' >your-daemon-or-script.py
is 'hello from your-daemon-or-script.py' docker run --rm --name my-running-script \
    -v "$PWD":/usr/src/myapp -w /usr/src/myapp python python3 your-daemon-or-script.py
is 'Python 3*' docker run --rm python python3 --version
is '42' sh -c 'echo "print(6 * 7)" | docker run -i --rm python'
is 'prod 1' docker run --rm -e APP_ENV=prod -e DEBUG=1 python \
    python3 -c 'import os; print(os.environ["APP_ENV"], os.environ["DEBUG"])'
printf 'A=1\n# a comment\nB=two words\n' >env.list
is '1 two words' docker run --rm --env-file ./env.list python \
    python3 -c 'import os; print(os.environ["A"], os.environ["B"])'

# --- node
echo 'require("fs").writeFileSync("out.txt", "from node"); console.log(process.version)' >your-script.js
is 'v*' docker run --rm --name my-running-script -v "$PWD":/usr/src/app -w /usr/src/app node node your-script.js
is 'from node' cat out.txt
is "$(id -u)" stat -c %u out.txt
is '*memory*' docker run -m "300M" --memory-swap "1G" -e "NODE_ENV=production" --name my-nodejs-app --rm \
    --init node node -e 'console.log("memory", process.env.NODE_ENV)'
is 'deep' docker run --rm --entrypoint sh node -c 'echo deep'
is '/srv' docker run --rm --read-only --tmpfs /tmp --workdir /srv node sh -c 'touch /tmp/x && pwd'

# --- redis
docker run --name some-redis -d redis >/dev/null
soon docker exec some-redis redis-cli ping
is 'OK' docker exec some-redis redis-cli set greeting hello
is 'hello' sh -c 'echo "get greeting" | docker exec -i some-redis redis-cli'
is 'hello' docker run --rm --network container:some-redis redis redis-cli -h 127.0.0.1 get greeting
is '*Ready to accept connections*' docker logs some-redis
is '*redis-server*' docker top some-redis
is 'some-redis' docker ps --format '{{.Names}}'
is 'true' docker inspect -f '{{.State.Running}}' some-redis
is '*some-redis*' docker stats --no-stream some-redis
docker restart -t 1 some-redis >/dev/null
soon docker exec some-redis redis-cli ping
docker stop some-redis >/dev/null
is 'exited 0' docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' some-redis
is '*some-redis*' docker ps -a --filter status=exited
docker rename some-redis old-redis >/dev/null
docker rm old-redis >/dev/null
docker run -d --name some-redis redis redis-server --save 60 1 --loglevel warning >/dev/null
soon docker exec some-redis redis-cli ping
docker kill -s TERM some-redis >/dev/null
is '0' docker wait some-redis
docker rm -f -v some-redis >/dev/null
docker network create some-network >/dev/null
docker run -d --name some-redis --network some-network -v redis-data:/data redis redis-server --save 60 1 \
    --protected-mode no >/dev/null
soon docker run --rm --network some-network redis redis-cli -h some-redis set kept yes
docker rm -f some-redis >/dev/null
docker network rm some-network >/dev/null
docker volume rm redis-data >/dev/null

# --- postgres
docker run --name some-postgres -e POSTGRES_PASSWORD=mysecretpassword -d postgres >/dev/null
soon docker exec some-postgres psql -h /tmp -U postgres -c 'create table t (n int)'
is 'INSERT 0 2' docker exec -u postgres some-postgres psql -h /tmp -c 'insert into t values (1), (2)'
is '3' docker run --rm --network container:some-postgres -e PGPASSWORD=mysecretpassword postgres \
    psql -h 127.0.0.1 -U postgres -Atc 'select sum(n) from t'
docker exec some-postgres pg_dumpall -h /tmp -U postgres >dump.sql
is '1' grep -c 'CREATE TABLE public.t ' dump.sql
is '*A /var/lib/postgresql/data*' docker diff some-postgres
docker stop some-postgres >/dev/null
docker start some-postgres >/dev/null
soon docker exec some-postgres psql -h /tmp -U postgres -c 'select * from t'
docker rm -f some-postgres >/dev/null
mkdir -p mount
docker run -d --name some-postgres -e POSTGRES_PASSWORD=mysecretpassword \
    -e PGDATA=/var/lib/postgresql/data/pgdata -v "$PWD/mount":/var/lib/postgresql/data postgres >/dev/null
soon docker exec some-postgres psql -h /tmp -U postgres -c 'select 1'
is "$(id -u)" stat -c %u mount/pgdata/PG_VERSION
docker rm -f some-postgres >/dev/null

# --- nginx
mkdir -p content
echo 'static content' >content/index.html
docker run --name some-nginx -v "$PWD/content":/var/www/html:ro -d -p 127.0.0.1::80 nginx >/dev/null
address=$(docker port some-nginx 80)
is '127.0.0.1:*' echo "$address"
soon curl -fs "http://$address/"
is 'static content' curl -fs "http://$address/"
docker cp some-nginx:/etc/nginx/nginx.conf "$PWD/nginx.conf"
is '1' grep -c '^http {' nginx.conf
echo 'copied in' >page.html
docker cp page.html some-nginx:/tmp/page.html
is 'copied in' docker exec some-nginx cat /tmp/page.html
docker kill -s HUP some-nginx >/dev/null
docker commit -m 'with a page' some-nginx my/nginx:1 >/dev/null
docker rm -f some-nginx >/dev/null
is 'copied in' docker run --rm my/nginx:1 cat /tmp/page.html

# --- images
docker pull -q "$registry/busybox" >/dev/null
docker run --name app "$registry/busybox" sh -c 'mkdir /srv && echo 1.0 >/srv/version'
docker commit -m 'version 1.0' -c 'CMD ["cat", "/srv/version"]' -c 'LABEL version=1.0' app my/app:1 >/dev/null
docker tag my/app:1 "$registry/my/app:1"
docker push -q "$registry/my/app:1" >/dev/null
docker rmi "$registry/my/app:1" >/dev/null
docker pull -q "$registry/my/app:1" >/dev/null
is '1.0' docker run --rm "$registry/my/app:1"
docker save my/app:1 | gzip >app.tar.gz
docker rmi my/app:1 "$registry/my/app:1" >/dev/null
docker load <app.tar.gz >/dev/null
is '*version 1.0*' docker history my/app:1
is '1.0' docker image inspect --format '{{.Config.Labels.version}}' my/app:1
docker create --name exported my/app:1 >/dev/null
docker export exported | tar -t >exported.txt
is '1' grep -c '^srv/version$' exported.txt
docker export exported | docker import - flat:latest >/dev/null
is '1.0' docker run --rm flat cat /srv/version

# --- away with it all
# shellcheck disable=SC2046
docker rm $(docker ps -a -q) >/dev/null
docker rmi flat my/app:1 my/nginx:1 >/dev/null
docker container prune -f >/dev/null
docker image prune -f >/dev/null
docker system df >/dev/null
docker system prune -f >/dev/null
is '' docker ps -aq
echo "all done"
