package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/configs"
	"healthcare/platform/config"
)

// manifest has the tested fields of an object in configs/kubernetes.yaml, which has one object of each kind.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Selector any
		Strategy struct{ RollingUpdate struct{ MaxUnavailable int } }
		Ports    []struct{ TargetPort string }
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
	}
}

type podSpec struct {
	TerminationGracePeriodSeconds int
	SecurityContext               struct {
		RunAsNonRoot bool
		RunAsUser    int
	}
	Containers []container
	Volumes    []struct {
		Name     string
		EmptyDir any
		Secret   *struct{ SecretName string }
	}
}

type probe struct {
	HTTPGet                         struct{ Path, Port string }
	PeriodSeconds, FailureThreshold int
}

type container struct {
	Args    []string
	Env     []struct{ Name, Value string }
	EnvFrom []struct{ ConfigMapRef struct{ Name string } }
	Ports   []struct {
		Name          string
		ContainerPort int
	}
	StartupProbe, LivenessProbe, ReadinessProbe probe
	VolumeMounts                                []struct{ Name, MountPath string }
	SecurityContext                             struct {
		ReadOnlyRootFilesystem   bool
		AllowPrivilegeEscalation *bool
		Capabilities             struct{ Drop []string }
	}
}

func readManifests(t *testing.T) (text string, all map[string]manifest) {
	content, err := os.ReadFile("../../configs/kubernetes.yaml")
	require.NoError(t, err)
	all = map[string]manifest{}
	for document := range strings.SplitSeq(string(content), "\n---\n") {
		object, err := yaml.Parser().Unmarshal([]byte(document))
		require.NoError(t, err)
		encoded, err := json.Marshal(object)
		require.NoError(t, err)
		var one manifest
		require.NoError(t, json.Unmarshal(encoded, &one))
		all[one.Kind] = one
	}
	return string(content), all
}

func TestKubernetesManifest(t *testing.T) {
	text, all := readManifests(t)
	deployment, job := all["Deployment"].Spec, all["Job"].Spec
	serving, migrating := deployment.Template.Spec.Containers[0], job.Template.Spec.Containers[0]

	t.Run("contains no secret", func(t *testing.T) {
		require.NotContains(t, all, "Secret")
		require.NotContains(t, text, "postgres://")
		secret := reflect.TypeFor[config.Secret]()
		for field := range reflect.TypeFor[config.Config]().Fields() {
			if name := strings.ToUpper(field.Tag.Get("koanf")); field.Type == secret {
				require.NotRegexp(t, `\b`+name+`\b[^_]`, strings.ReplaceAll(text, "# - {name: "+name, ""),
					"only %s_FILE", name)
			}
		}
	})
	t.Run("sets a valid configuration", func(t *testing.T) {
		cfg := serving.load(t, all["ConfigMap"])
		require.NoError(t, cfg.EnsureSecret())
		require.NoError(t, cfg.EnsureAuditKey())
		require.Equal(t, config.Production, cfg.AppEnv)
		require.False(t, cfg.DatabaseMigrateOnStart)
		require.Greater(t, time.Duration(deployment.Template.Spec.TerminationGracePeriodSeconds)*time.Second,
			stopTimeout(cfg))
		started := serving.StartupProbe
		require.Greater(t, time.Duration(started.PeriodSeconds*started.FailureThreshold)*time.Second,
			cfg.DatabaseConnectTimeout)
		require.Greater(t, cfg.HTTPShutdownDelay,
			time.Duration(serving.ReadinessProbe.PeriodSeconds*serving.ReadinessProbe.FailureThreshold)*time.Second)
		_ = migrating.load(t, manifest{})
	})
	t.Run("uses the ports and paths of the server", func(t *testing.T) {
		contract, err := os.ReadFile("testdata/openapi.json")
		require.NoError(t, err)
		for _, p := range []probe{serving.StartupProbe, serving.LivenessProbe, serving.ReadinessProbe} {
			require.Contains(t, string(contract), `"`+p.HTTPGet.Path+`"`)
			require.Equal(t, serving.Ports[0].Name, p.HTTPGet.Port)
		}
		require.Equal(t, "/readyz", serving.ReadinessProbe.HTTPGet.Path)
		require.Equal(t, "/livez", serving.LivenessProbe.HTTPGet.Path)
		require.Equal(t, ":8000", all["ConfigMap"].Data["HTTP_ADDRESS"])
		require.Equal(t, 8000, serving.Ports[0].ContainerPort)
		require.Equal(t, ":9090", all["ConfigMap"].Data["METRICS_ADDRESS"])
		require.Equal(t, 9090, serving.Ports[1].ContainerPort)
		require.Equal(t, serving.Ports[0].Name, all["Service"].Spec.Ports[0].TargetPort)
	})
	t.Run("runs the pods with the least privileges", func(t *testing.T) {
		dockerfile, err := os.ReadFile("../../Dockerfile")
		require.NoError(t, err)
		for _, pod := range []podSpec{deployment.Template.Spec, job.Template.Spec} {
			require.Regexp(t, `(?m)^USER 65532:65532$`, string(dockerfile))
			require.Equal(t, 65532, pod.SecurityContext.RunAsUser)
			require.True(t, pod.SecurityContext.RunAsNonRoot)
			c := pod.Containers[0].SecurityContext
			require.True(t, c.ReadOnlyRootFilesystem)
			require.False(t, *c.AllowPrivilegeEscalation)
			require.Equal(t, []string{"ALL"}, c.Capabilities.Drop)
		}
		require.NotEqual(t, deployment.Template.Spec.Volumes[0].Secret, job.Template.Spec.Volumes[0].Secret,
			"the pods do not get the owner's role")
	})
	t.Run("updates without unavailable pods, after a job that migrates", func(t *testing.T) {
		require.Zero(t, deployment.Strategy.RollingUpdate.MaxUnavailable)
		require.Contains(t, text, "maxUnavailable: 0")
		command, rest, err := rootCommand().Find(migrating.Args)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, "up", command.Name())
		labels := map[string]any{"app": "healthcare"}
		require.Equal(t, map[string]any{"matchLabels": labels}, deployment.Selector)
		require.Equal(t, map[string]any{"matchLabels": labels}, all["PodDisruptionBudget"].Spec.Selector)
		require.Equal(t, labels, all["Service"].Spec.Selector)
		require.Equal(t, map[string]string{"app": "healthcare"}, deployment.Template.Metadata.Labels)
		require.NotEqual(t, "healthcare", job.Template.Metadata.Labels["app"],
			"the service does not send requests to the job")
	})
}

// load returns the configuration of the container's environment, with its secrets in files.
func (c container) load(t *testing.T, shared manifest) config.Config {
	t.Helper()
	known, err := yaml.Parser().Unmarshal(configs.Default)
	require.NoError(t, err)
	environment := map[string]string{}
	for _, from := range c.EnvFrom {
		require.Equal(t, shared.Metadata.Name, from.ConfigMapRef.Name)
		maps.Copy(environment, shared.Data)
	}
	mounted := map[string]string{} // mount path by volume
	for _, m := range c.VolumeMounts {
		mounted[m.Name] = m.MountPath
	}
	for _, e := range c.Env {
		if file, isFile := strings.CutSuffix(e.Name, "_FILE"); isFile {
			require.Equal(t, filepath.Join(mounted["secrets"], strings.ToLower(file)), e.Value)
			secret := map[string]string{"SECRET_KEY": harness.SecretKey, "AUDIT_KEY": harness.AuditKey,
				"DATABASE_URL": "postgres://a:b@c/d"}[file]
			require.NotEmpty(t, secret, file)
			e.Value = filepath.Join(t.TempDir(), file)
			require.NoError(t, os.WriteFile(e.Value, []byte(secret), 0o600))
		}
		environment[e.Name] = e.Value
	}
	if path := environment["AUDIT_CHECKPOINTS"]; path != "" {
		require.Equal(t, mounted["data"], filepath.Dir(path), "the only writable folder")
	}
	for key := range known {
		t.Setenv(strings.ToUpper(key), "")
		t.Setenv(strings.ToUpper(key)+"_FILE", "")
	}
	for name, value := range environment {
		require.Contains(t, known, strings.ToLower(strings.TrimSuffix(name, "_FILE")))
		t.Setenv(name, value)
	}
	cfg, err := config.Load()
	require.NoError(t, err)
	return cfg
}
