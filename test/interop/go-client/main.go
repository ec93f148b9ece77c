// A gRPC client that holds a server to what grpc-go expects of one. It sends bytes as they are, without protobuf.
//
//	go-client check ADDRESS    runs every scenario; prints "ok NAME" or "failed NAME: WHY" for each
//	go-client load ADDRESS     calls until standard input ends; prints "calls N" and "error TEXT" lines
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const limit = 4 * 1024 * 1024

// rawCodec passes bytes through.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = bytes.Clone(data); return nil }
func (rawCodec) Name() string                       { return "proto" }

var _ encoding.Codec = rawCodec{}

type client struct{ conn *grpc.ClientConn }

func (c client) call(ctx context.Context, method, message string, options ...grpc.CallOption) (string, error) {
	request, answer := []byte(message), []byte(nil)
	err := c.conn.Invoke(ctx, "/test.Echo/"+method, &request, &answer, options...)
	return string(answer), err
}

func within(d time.Duration) context.Context {
	ctx, _ := context.WithTimeout(context.Background(), d) //nolint:govet // it ends with the process
	return ctx
}

func expectCode(err error, want codes.Code) error {
	if got := status.Code(err); got != want {
		return fmt.Errorf("%v instead of %v: %v", got, want, err)
	}
	return nil
}

func pattern(size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return string(b)
}

func parallel(n int, run func(i int) error) error {
	var group sync.WaitGroup
	var first atomic.Pointer[error]
	for i := range n {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := run(i); err != nil {
				first.CompareAndSwap(nil, &err)
			}
		}()
	}
	group.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

type scenario struct {
	name string
	run  func(c client) error
}

func (c client) echo(method, message string, options ...grpc.CallOption) error {
	answer, err := c.call(within(10*time.Second), method, message, options...)
	if err != nil {
		return err
	}
	if answer != message {
		return fmt.Errorf("%d bytes came back for %d", len(answer), len(message))
	}
	return nil
}

func (c client) large(size int) error {
	answer, err := c.call(within(20*time.Second), "Large", strconv.Itoa(size))
	if err == nil && answer != pattern(size) {
		err = fmt.Errorf("%d bytes came back, or others", len(answer))
	}
	return err
}

var scenarios = []scenario{
	{"many calls in turn", func(c client) error {
		for i := range 3000 {
			if err := c.echo("Echo", strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return nil
	}},
	{"many calls at a time", func(c client) error {
		return parallel(128, func(i int) error {
			for k := range 40 {
				if err := c.echo("Later", fmt.Sprintf("%d/%d", i, k)); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"an empty message", func(c client) error { return c.echo("Echo", "") }},
	{"a deadline that passes", func(c client) error {
		started := time.Now()
		_, err := c.call(within(200*time.Millisecond), "Wait", "60000")
		if took := time.Since(started); took > 2*time.Second {
			return fmt.Errorf("after %v", took)
		}
		return expectCode(err, codes.DeadlineExceeded)
	}},
	{"cancelling", func(c client) error {
		return parallel(50, func(int) error {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err := c.call(ctx, "Wait", "60000")
			return expectCode(err, codes.Canceled)
		})
	}},
	{"a refusal", func(c client) error {
		var trailer metadata.MD
		_, err := c.call(within(time.Second), "Refuse", "", grpc.Trailer(&trailer))
		if err := expectCode(err, codes.NotFound); err != nil {
			return err
		}
		if got, want := status.Convert(err).Message(), os.Getenv("REFUSAL"); got != want {
			return fmt.Errorf("message %q instead of %q", got, want)
		}
		if got := trailer.Get("sideboard-code"); len(got) != 1 || got[0] != "UNKNOWN_THING" {
			return fmt.Errorf("code %v", got)
		}
		return nil
	}},
	{"an unforeseen failure", func(c client) error {
		_, err := c.call(within(time.Second), "Break", "")
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			return fmt.Errorf("the secret is out: %v", err)
		}
		return expectCode(err, codes.Internal)
	}},
	{"an unknown method", func(c client) error {
		_, err := c.call(within(time.Second), "Nope", "")
		return expectCode(err, codes.Unimplemented)
	}},
	{"large answers", func(c client) error {
		if err := c.large(16 << 20); err != nil {
			return err
		}
		return parallel(12, func(i int) error { return c.large(3<<20 + i) })
	}},
	{"a request at the limit", func(c client) error { return c.echo("Echo", pattern(limit)) }},
	{"a request over the limit", func(c client) error {
		err := parallel(4, func(int) error {
			_, err := c.call(within(10*time.Second), "Echo", pattern(limit+1))
			return expectCode(err, codes.ResourceExhausted)
		})
		if err != nil {
			return err
		}
		return c.echo("Echo", "still here")
	}},
	{"compressed requests", func(c client) error {
		gz := grpc.UseCompressor(gzip.Name)
		if err := c.echo("Echo", strings.Repeat("packed ", 100_000), gz); err != nil {
			return err
		}
		_, err := c.call(within(10*time.Second), "Echo", string(make([]byte, limit+1)), gz)
		return expectCode(err, codes.ResourceExhausted)
	}},
	{"large metadata", func(c client) error {
		neighbour := make(chan error)
		go func() { neighbour <- c.echo("Wait", "300") }()
		time.Sleep(50 * time.Millisecond)
		ctx := metadata.AppendToOutgoingContext(within(5*time.Second), "x-large", strings.Repeat("v", 60_000))
		if _, err := c.call(ctx, "Echo", "x"); err != nil {
			return err
		}
		ctx = metadata.AppendToOutgoingContext(within(5*time.Second), "x-large", strings.Repeat("v", 100_000))
		if _, err := c.call(ctx, "Echo", "x"); err == nil {
			return fmt.Errorf("100 KB of metadata were taken")
		}
		return <-neighbour
	}},
}

func dial(address string) client {
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(64<<20), grpc.WaitForReady(false)))
	if err != nil {
		panic(err)
	}
	return client{conn}
}

func check(address string) {
	c := dial(address)
	defer c.conn.Close()
	for _, s := range scenarios {
		if err := s.run(c); err != nil {
			fmt.Printf("failed %s: %q\n", s.name, err.Error())
		} else {
			fmt.Printf("ok %s\n", s.name)
		}
	}
}

func load(address string) {
	c := dial(address)
	defer c.conn.Close()
	var stop atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin))
		stop.Store(true)
	}()
	var calls atomic.Int64
	_ = parallel(16, func(i int) error {
		for !stop.Load() {
			var err error
			if i%4 == 0 {
				_, err = c.call(within(20*time.Second), "Large", "300000", grpc.WaitForReady(true))
			} else {
				_, err = c.call(within(20*time.Second), "Wait", "2", grpc.WaitForReady(true))
			}
			if err != nil {
				fmt.Printf("error %q\n", err.Error())
			}
			calls.Add(1)
		}
		return nil
	})
	fmt.Printf("calls %d\n", calls.Load())
}

func main() {
	if os.Args[1] == "load" {
		load(os.Args[2])
		return
	}
	check(os.Args[2])
}
