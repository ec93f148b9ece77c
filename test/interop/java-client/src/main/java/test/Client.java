package test;

import io.grpc.CallOptions;
import io.grpc.ClientInterceptors;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A gRPC client that holds a server to what grpc-java expects of one. It sends bytes as they are.
 *
 * <pre>
 * check ADDRESS    runs every scenario; prints "ok NAME" or "failed NAME: WHY" for each
 * load ADDRESS     calls until standard input ends; prints "calls N" and "error TEXT" lines
 * </pre>
 */
public final class Client {
  private static final int LIMIT = 4 * 1024 * 1024;
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private static final MethodDescriptor.Marshaller<byte[]> BYTES =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
          return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
          try {
            return stream.readAllBytes();
          } catch (IOException e) {
            throw Status.INTERNAL.withCause(e).asRuntimeException();
          }
        }
      };

  private interface Scenario {
    void run() throws Exception;
  }

  private final Channel channel;
  private final ExecutorService pool = Executors.newFixedThreadPool(32);

  private Client(Channel channel) {
    this.channel = channel;
  }

  private static CallOptions within(long milliseconds) {
    return CallOptions.DEFAULT.withDeadlineAfter(milliseconds, TimeUnit.MILLISECONDS);
  }

  private static Future<byte[]> start(Channel channel, String method, byte[] message, CallOptions options) {
    MethodDescriptor<byte[], byte[]> descriptor =
        MethodDescriptor.newBuilder(BYTES, BYTES)
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("test.Echo/" + method)
            .build();
    return ClientCalls.futureUnaryCall(channel.newCall(descriptor, options), message);
  }

  private byte[] call(String method, byte[] message, CallOptions options) throws Exception {
    try {
      return start(channel, method, message, options).get();
    } catch (ExecutionException e) {
      throw (Exception) e.getCause();
    }
  }

  private void echo(String method, byte[] message, CallOptions options) throws Exception {
    byte[] answer = call(method, message, options);
    if (!Arrays.equals(answer, message)) throw new Exception(answer.length + " bytes came back for " + message.length);
  }

  private void echo(String method, String message) throws Exception {
    echo(method, message.getBytes(StandardCharsets.UTF_8), within(10_000));
  }

  private void large(int size) throws Exception {
    byte[] answer = call("Large", Integer.toString(size).getBytes(StandardCharsets.UTF_8), within(20_000));
    if (!Arrays.equals(answer, pattern(size))) throw new Exception(answer.length + " bytes came back, or others");
  }

  private StatusRuntimeException refused(Callable<byte[]> call, Status.Code code) throws Exception {
    try {
      call.call();
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != code) throw new Exception(e.getStatus() + " instead of " + code);
      return e;
    }
    throw new Exception("the call was answered");
  }

  private void parallel(int count, Callable<Void> task) throws Exception {
    List<Callable<Void>> tasks = new ArrayList<>();
    for (int i = 0; i < count; i++) tasks.add(task);
    for (Future<Void> each : pool.invokeAll(tasks)) each.get();
  }

  private static byte[] pattern(int size) {
    byte[] bytes = new byte[size];
    for (int i = 0; i < size; i++) bytes[i] = (byte) (i % 251);
    return bytes;
  }

  private Map<String, Scenario> scenarios() {
    Map<String, Scenario> all = new LinkedHashMap<>();
    all.put("many calls in turn", () -> {
      for (int i = 0; i < 2000; i++) echo("Echo", Integer.toString(i));
    });
    all.put("many calls at a time", () -> {
      AtomicLong next = new AtomicLong();
      parallel(4000, () -> {
        echo("Later", Long.toString(next.incrementAndGet()));
        return null;
      });
    });
    all.put("an empty message", () -> echo("Echo", ""));
    all.put("a deadline that passes", () -> {
      long started = System.nanoTime();
      refused(() -> call("Wait", "60000".getBytes(), within(200)), Status.Code.DEADLINE_EXCEEDED);
      if (System.nanoTime() - started > 2_000_000_000L) throw new Exception("too late");
    });
    all.put("cancelling", () -> {
      List<Future<byte[]>> calls = new ArrayList<>();
      for (int i = 0; i < 50; i++) calls.add(start(channel, "Wait", "60000".getBytes(), CallOptions.DEFAULT));
      Thread.sleep(50);
      for (Future<byte[]> each : calls) each.cancel(true);
      echo("Echo", "still here");
    });
    all.put("a refusal", () -> {
      StatusRuntimeException e = refused(() -> call("Refuse", new byte[0], within(1000)), Status.Code.NOT_FOUND);
      String message = e.getStatus().getDescription();
      if (!System.getenv("REFUSAL").equals(message)) throw new Exception(message);
      String code = e.getTrailers().get(Metadata.Key.of("sideboard-code", Metadata.ASCII_STRING_MARSHALLER));
      if (!"UNKNOWN_THING".equals(code)) throw new Exception("code " + code);
    });
    all.put("an unforeseen failure", () -> {
      StatusRuntimeException e = refused(() -> call("Break", new byte[0], within(1000)), Status.Code.INTERNAL);
      if (e.toString().contains("hunter2")) throw new Exception("the secret is out");
    });
    all.put("an unknown method", () ->
        refused(() -> call("Nope", new byte[0], within(1000)), Status.Code.UNIMPLEMENTED));
    all.put("large answers", () -> {
      large(16 << 20);
      parallel(12, () -> {
        large((3 << 20) + 1);
        return null;
      });
    });
    all.put("a request at the limit", () -> echo("Echo", pattern(LIMIT), within(10_000)));
    all.put("a request over the limit", () -> {
      parallel(4, () -> {
        refused(() -> call("Echo", pattern(LIMIT + 1), within(10_000)), Status.Code.RESOURCE_EXHAUSTED);
        return null;
      });
      echo("Echo", "still here");
    });
    all.put("compressed requests", () -> {
      echo("Echo", "packed ".repeat(100_000).getBytes(), within(10_000).withCompression("gzip"));
      refused(
          () -> call("Echo", new byte[LIMIT + 1], within(10_000).withCompression("gzip")),
          Status.Code.RESOURCE_EXHAUSTED);
    });
    all.put("large metadata", () -> {
      Future<byte[]> neighbour = start(channel, "Wait", "300".getBytes(), within(5_000));
      Thread.sleep(50);
      if (withMetadata(60_000).get().length != 1) throw new Exception("another answer");
      try {
        withMetadata(100_000).get();
        throw new Exception("100 KB of metadata were taken");
      } catch (ExecutionException expected) {
        if (expected.getCause().toString().contains("DEADLINE")) throw expected;
      }
      neighbour.get();
    });
    return all;
  }

  private Future<byte[]> withMetadata(int size) {
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("x-large", Metadata.ASCII_STRING_MARSHALLER), "v".repeat(size));
    Channel with = ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(metadata));
    return start(with, "Echo", new byte[1], within(5_000));
  }

  private void check() {
    scenarios().forEach((name, scenario) -> {
      try {
        scenario.run();
        OUT.println("ok " + name);
      } catch (Exception e) {
        OUT.println("failed " + name + ": " + e);
      }
    });
  }

  private void load() throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    Thread reader = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {}
      } catch (IOException ended) {
        // as good as its end
      }
      stop.set(true);
    });
    reader.setDaemon(true);
    reader.start();
    AtomicLong calls = new AtomicLong();
    AtomicLong next = new AtomicLong();
    parallel(16, () -> {
      boolean large = next.getAndIncrement() % 4 == 0;
      while (!stop.get()) {
        try {
          call(large ? "Large" : "Wait", (large ? "300000" : "2").getBytes(), within(20_000).withWaitForReady());
        } catch (StatusRuntimeException e) {
          OUT.println("error " + e.getStatus());
        }
        calls.incrementAndGet();
      }
      return null;
    });
    OUT.println("calls " + calls);
  }

  public static void main(String[] args) throws Exception {
    ManagedChannel channel =
        ManagedChannelBuilder.forTarget(args[1]).usePlaintext().maxInboundMessageSize(64 << 20).build();
    Client client = new Client(channel);
    if (args[0].equals("load")) client.load();
    else client.check();
    client.pool.shutdown();
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }
}
