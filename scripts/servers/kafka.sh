# shellcheck shell=bash
# Apache Kafka: one broker that is its own controller.

kafka_version=4.1.1
kafka_jars=$cache/kafka-$kafka_version

find_java() {
  local found
  java=${JAVA_HOME:-/nowhere}/bin/java
  [ -x "$java" ] || java=$(command -v java) || return 1
  found=$("$java" -version 2>&1) || return 1
  [[ $found =~ version\ \"([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 17 ]
}

find_kafka() { find_java && [ -d "$kafka_jars" ]; }

packages_kafka() {
  find_java || echo default-jre-headless
  [ -d "$kafka_jars" ] || command -v mvn >/dev/null || echo maven
}

fetch_kafka() {
  local new=$kafka_jars.new
  rm -rf "$new"
  timeout -k 5 600 mvn -B -q -Dstyle.color=never \
    -f "$here/kafka.pom.xml" -Dkafka.version="$kafka_version" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$new" || return 1
  (cd "$new" && sha256sum --strict --quiet -c "$here/kafka.jars") || return 1
  mv "$new" "$kafka_jars"
}

wants_kafka='Java 17 or newer and Maven (Debian: default-jre-headless, maven)'

# kafka_settings PORT CONTROLLER_PORT DATA
kafka_settings() {
  cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# The record of a killed broker must run out before it may come back: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
}

make_kafka() {
  kafka_settings "$(port_of kafka)" "$(port_of kafka_controller)" "$1" >"$state/kafka/make.properties"
  timeout -k 5 "$seconds_max" "$java" -cp "$kafka_jars/*" kafka.tools.StorageTool format \
    -t gloE9dgKSxabJ0SSg24G5Q -c "$state/kafka/make.properties"
}

command_kafka() {
  local controller
  controller=$(port_of kafka_controller)
  free_port kafka_controller "$controller"
  kafka_settings "$1" "$controller" "$state/kafka/data" >"$state/kafka/server.properties"
  argv=("$java" -Xms256m -Xmx512m -Dlog4j2.level=INFO -cp "$kafka_jars/*" kafka.Kafka
    "$state/kafka/server.properties")
}

# It listens before it serves; its log says when.
probe_kafka() {
  grep -q 'Kafka Server started' "$state/kafka/log" || return 1
  sed -n 's/.*Kafka version: \([^ ]*\).*/\1/p' "$state/kafka/log" | tail -n 1 | tr -d '\n'
}
