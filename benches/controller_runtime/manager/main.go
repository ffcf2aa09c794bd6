// The controller-runtime side of the comparison: a manager that reconciles things.e2e.example.com, with
// GenerationChangedPredicate and RequeueAfter.
//
// It says on its output what every run starts with: "run <nanoseconds since 1970> <name> <spec.value> <requests so far>".
// It ends when its input does.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Settings are the program's only argument, as JSON.
type Settings struct {
	Kubeconfig string `json:"kubeconfig"`
	IntervalMs int64  `json:"interval_ms"`
	// Either way, at random, as a share of the interval.
	Jitter       float64 `json:"jitter"`
	WorkMs       int64   `json:"work_ms"`
	Workers      int     `json:"workers"`
	WritesStatus bool    `json:"writes_status"`
}

type ThingSpec struct {
	Value int64 `json:"value"`
}

type Thing struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              ThingSpec `json:"spec"`
}

func (thing *Thing) DeepCopyObject() runtime.Object {
	return &Thing{TypeMeta: thing.TypeMeta, ObjectMeta: *thing.ObjectMeta.DeepCopy(), Spec: thing.Spec}
}

type ThingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Thing `json:"items"`
}

func (list *ThingList) DeepCopyObject() runtime.Object {
	items := make([]Thing, len(list.Items))
	for i := range list.Items {
		items[i] = *list.Items[i].DeepCopyObject().(*Thing)
	}
	return &ThingList{TypeMeta: list.TypeMeta, ListMeta: *list.ListMeta.DeepCopy(), Items: items}
}

type reconciler struct {
	settings Settings
	client   client.Client
	requests *atomic.Int64
	runs     atomic.Int64
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	started := time.Now().UnixNano()
	var thing Thing
	if err := r.client.Get(ctx, request.NamespacedName, &thing); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	fmt.Printf("run %d %s %d %d\n", started, thing.Name, thing.Spec.Value, r.requests.Load())
	run := r.runs.Add(1)
	time.Sleep(time.Duration(r.settings.WorkMs) * time.Millisecond)
	if r.settings.WritesStatus {
		status := fmt.Sprintf(`{"status":{"phase":"Ready","message":"controller-runtime, run %d"}}`, run)
		if err := r.client.Status().Patch(ctx, &thing, client.RawPatch(types.MergePatchType, []byte(status))); err != nil {
			return ctrl.Result{}, err
		}
	}
	return ctrl.Result{RequeueAfter: r.delay()}, nil
}

func (r *reconciler) delay() time.Duration {
	interval := time.Duration(r.settings.IntervalMs) * time.Millisecond
	share := 1 + r.settings.Jitter*(2*rand.Float64()-1)
	return time.Duration(float64(interval) * share)
}

// Counts the requests that pass through it.
type counting struct {
	inner    http.RoundTripper
	requests *atomic.Int64
}

func (c *counting) RoundTrip(request *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.inner.RoundTrip(request)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: %s <settings as JSON>", os.Args[0])
	}
	var settings Settings
	if err := json.Unmarshal([]byte(os.Args[1]), &settings); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()

	config, err := clientcmd.BuildConfigFromFlags("", settings.Kubeconfig)
	if err != nil {
		return err
	}
	// No limit of the client's own, as kube-rs has none.
	config.QPS = -1
	requests := new(atomic.Int64)
	config.Wrap(func(inner http.RoundTripper) http.RoundTripper {
		return &counting{inner: inner, requests: requests}
	})
	return manage(config, settings, requests)
}

func manage(config *rest.Config, settings Settings, requests *atomic.Int64) error {
	ctrl.SetLogger(logr.Discard())
	scheme := runtime.NewScheme()
	version := schema.GroupVersion{Group: "e2e.example.com", Version: "v1"}
	scheme.AddKnownTypeWithName(version.WithKind("Thing"), &Thing{})
	scheme.AddKnownTypeWithName(version.WithKind("ThingList"), &ThingList{})
	metav1.AddToGroupVersion(scheme, version)

	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: server.Options{BindAddress: "0"},
	})
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).
		For(&Thing{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: settings.Workers}).
		Complete(&reconciler{settings: settings, client: manager.GetClient(), requests: requests})
	if err != nil {
		return err
	}
	return manager.Start(context.Background())
}
