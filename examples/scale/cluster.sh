#!/usr/bin/env bash
# Three masters of a Redis Cluster on 127.0.0.1, with their files in data/cluster: `cluster.sh start` and `cluster.sh stop`.
set -euo pipefail
cd "$(dirname "$0")"
ports=(7101 7102 7103)

case "${1:-}" in
  start)
    for port in "${ports[@]}"; do
      mkdir -p "data/cluster/$port"
      redis-server --port "$port" --bind 127.0.0.1 --dir "$PWD/data/cluster/$port" --cluster-enabled yes --save '' \
        --daemonize yes --logfile redis.log >/dev/null
    done
    for port in "${ports[@]}"; do
      until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.1; done
    done
    redis-cli --cluster create "${ports[@]/#/127.0.0.1:}" --cluster-yes >/dev/null
    until redis-cli -p "${ports[0]}" cluster info | grep -q cluster_state:ok; do sleep 0.1; done
    echo "The masters on ports ${ports[*]} share the slots."
    ;;
  stop)
    for port in "${ports[@]}"; do redis-cli -p "$port" shutdown nosave 2>/dev/null || true; done
    rm -rf data/cluster
    ;;
  *)
    echo 'usage: cluster.sh start|stop' >&2
    exit 2
    ;;
esac
