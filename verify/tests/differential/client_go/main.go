// Command client-go answers on standard output, as JSON, what client-go and apimachinery make of the cases
// that it reads from standard input.
//
// Its argument says which: "backoff", "fast-slow" or "conditions".
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
)

// A schedule says of each run of one object whether it failed.
type schedule []bool

type backoffCase struct {
	// In nanoseconds.
	Base      time.Duration `json:"base"`
	Cap       time.Duration `json:"cap"`
	Schedules []schedule    `json:"schedules"`
}

type fastSlowCase struct {
	// In nanoseconds.
	Fast      time.Duration `json:"fast"`
	Slow      time.Duration `json:"slow"`
	Attempts  int           `json:"attempts"`
	Schedules []schedule    `json:"schedules"`
}

type conditionsCase struct {
	Conditions []metav1.Condition `json:"conditions"`
	Set        []metav1.Condition `json:"set"`
}

// What the conditions are after one of them was set.
type conditionsStep struct {
	Changed    bool               `json:"changed"`
	Conditions []metav1.Condition `json:"conditions"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string, in io.Reader, out io.Writer) error {
	if len(arguments) != 1 {
		return fmt.Errorf("%d arguments are not allowed, it must be one mode", len(arguments))
	}
	switch mode := arguments[0]; mode {
	case "backoff":
		return answer(in, out, func(c backoffCase) [][]time.Duration {
			return play(workqueue.NewTypedItemExponentialFailureRateLimiter[int](c.Base, c.Cap), c.Schedules)
		})
	case "fast-slow":
		return answer(in, out, func(c fastSlowCase) [][]time.Duration {
			return play(workqueue.NewTypedItemFastSlowRateLimiter[int](c.Fast, c.Slow, c.Attempts), c.Schedules)
		})
	case "conditions":
		return answer(in, out, set)
	default:
		return fmt.Errorf("mode: %q is not allowed, it must be backoff, fast-slow or conditions", mode)
	}
}

// answer reads the cases, and writes the answer to each of them.
func answer[Case, Answer any](in io.Reader, out io.Writer, to func(Case) Answer) error {
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	var cases []Case
	if err := decoder.Decode(&cases); err != nil {
		return fmt.Errorf("reading the cases: %w", err)
	}
	answers := make([]Answer, len(cases))
	for i, c := range cases {
		answers[i] = to(c)
	}
	return json.NewEncoder(out).Encode(answers)
}

// play returns the delays after the failures of each schedule. All schedules share the limiter, one item each.
func play(limiter workqueue.TypedRateLimiter[int], schedules []schedule) [][]time.Duration {
	delays := make([][]time.Duration, len(schedules))
	for item, failures := range schedules {
		delays[item] = []time.Duration{}
		for _, failed := range failures {
			if failed {
				delays[item] = append(delays[item], limiter.When(item))
			} else {
				limiter.Forget(item)
			}
		}
	}
	return delays
}

// set sets the conditions of a case one after the other.
func set(c conditionsCase) []conditionsStep {
	conditions := c.Conditions
	steps := make([]conditionsStep, len(c.Set))
	for i, condition := range c.Set {
		changed := meta.SetStatusCondition(&conditions, condition)
		steps[i] = conditionsStep{Changed: changed, Conditions: append([]metav1.Condition{}, conditions...)}
	}
	return steps
}
