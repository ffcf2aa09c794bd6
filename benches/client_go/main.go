// Command client-go measures client-go's rate limiters: one request per line on standard input, one answer per line
// on standard output, both JSON. It does nothing in between, so that another program can be measured in turns with it.
//
// The keys are handled in a random order. A limiter holds a failure of every key before it is measured, except where
// the first failure itself is.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/util/workqueue"
)

// What controller-runtime puts into the queue: its types.NamespacedName.
type name struct {
	Namespace string
	Name      string
}

type request struct {
	// "when", "first", "forget", "touch" or "memory".
	What string `json:"what"`
	// "exponential" or "default".
	Limiter string `json:"limiter"`
	// "string" or "struct".
	Keys    string `json:"keys"`
	Count   int    `json:"count"`
	Threads int    `json:"threads"`
	Calls   int    `json:"calls"`
}

type answer struct {
	// Nanoseconds per call, or bytes per key.
	Value float64 `json:"value"`
	// Bytes per key that are still held when every key was forgotten.
	Forgotten float64 `json:"forgotten"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	strings := newKeys(func(n int) string { return namespace(n) + "/" + object(n) })
	structs := newKeys(func(n int) name { return name{namespace(n), object(n)} })
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		var given answer
		switch asked.Keys {
		case "string":
			given = strings.measure(asked, func(key string) int { return int(key[0]) + int(key[len(key)-1]) })
		case "struct":
			given = structs.measure(asked, func(key name) int {
				return int(key.Namespace[0]) + int(key.Name[0]) + int(key.Name[len(key.Name)-1])
			})
		default:
			return fmt.Errorf("keys: %q is not allowed, it must be string or struct", asked.Keys)
		}
		if err := json.NewEncoder(out).Encode(given); err != nil {
			return err
		}
	}
	return lines.Err()
}

func namespace(n int) string { return fmt.Sprintf("namespace-%02d", n%100) }
func object(n int) string    { return fmt.Sprintf("workload-%07d", n) }

// keys of one type, and the limiters that hold failures of them.
type keys[K comparable] struct {
	make     func(int) K
	orders   map[int][]K
	limiters map[string]workqueue.TypedRateLimiter[K]
}

func newKeys[K comparable](make func(int) K) *keys[K] {
	return &keys[K]{make: make, orders: map[int][]K{}, limiters: map[string]workqueue.TypedRateLimiter[K]{}}
}

func (k *keys[K]) measure(asked request, touch func(K) int) answer {
	order := k.order(asked.Count)
	switch asked.What {
	case "memory":
		return memory(asked, order)
	case "touch":
		var sum atomic.Int64
		return answer{Value: perCall(asked, order, func(keys []K) {
			mine := 0
			for _, key := range keys {
				mine += touch(key)
			}
			sum.Add(int64(mine))
		})}
	case "forget":
		limiter := k.failing(asked)
		// Nothing is failing any more.
		defer delete(k.limiters, id(asked))
		return answer{Value: perCall(asked, order, func(keys []K) {
			for _, key := range keys {
				limiter.Forget(key)
			}
		})}
	}
	limiter := newLimiter[K](asked.Limiter)
	if asked.What == "when" {
		limiter = k.failing(asked)
	}
	return answer{Value: perCall(asked, order, func(keys []K) {
		for _, key := range keys {
			limiter.When(key)
		}
	})}
}

// order is that many keys in a random order, the same in every process.
func (k *keys[K]) order(count int) []K {
	if order, ok := k.orders[count]; ok {
		return order
	}
	order := make([]K, count)
	for n := range order {
		order[n] = k.make(n)
	}
	random := rand.New(rand.NewSource(1))
	random.Shuffle(count, func(a, b int) { order[a], order[b] = order[b], order[a] })
	k.orders[count] = order
	return order
}

// failing is the limiter that holds failures of these keys.
func (k *keys[K]) failing(asked request) workqueue.TypedRateLimiter[K] {
	limiter, ok := k.limiters[id(asked)]
	if !ok {
		limiter = newLimiter[K](asked.Limiter)
		for _, key := range k.order(asked.Count) {
			limiter.When(key)
		}
		k.limiters[id(asked)] = limiter
	}
	return limiter
}

func id(asked request) string { return fmt.Sprintf("%s %d", asked.Limiter, asked.Count) }

func newLimiter[K comparable](name string) workqueue.TypedRateLimiter[K] {
	if name == "default" {
		return workqueue.DefaultTypedControllerRateLimiter[K]()
	}
	// The default limiter's own.
	return workqueue.NewTypedItemExponentialFailureRateLimiter[K](5*time.Millisecond, 1000*time.Second)
}

// perCall returns the wall time of all calls, which the threads share, over their number.
func perCall[K any](asked request, order []K, loop func(keys []K)) float64 {
	calls := make([]K, asked.Calls)
	for n := range calls {
		calls[n] = order[n%len(order)]
	}
	runtime.GC()
	var threads sync.WaitGroup
	start := time.Now()
	for thread := range asked.Threads {
		threads.Go(func() {
			loop(calls[thread*len(calls)/asked.Threads : (thread+1)*len(calls)/asked.Threads])
		})
	}
	threads.Wait()
	return float64(time.Since(start).Nanoseconds()) / float64(len(calls))
}

func memory[K comparable](asked request, order []K) answer {
	before := heap()
	limiter := newLimiter[K](asked.Limiter)
	for _, key := range order {
		limiter.When(key)
	}
	failing := heap()
	for _, key := range order {
		limiter.Forget(key)
	}
	forgotten := heap()
	runtime.KeepAlive(limiter)
	per := func(bytes uint64) float64 { return (float64(bytes) - float64(before)) / float64(len(order)) }
	return answer{Value: per(failing), Forgotten: per(forgotten)}
}

// heap is what is in use once the garbage is gone.
func heap() uint64 {
	// The second collection frees what the first one finds finalizers of.
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
