using System.Text.Json;
using BattKomp.Lab.Benchmarks;

// One line a benchmark: its name and what runs it. Each returns the object that is printed as the last line (design §10).
var benchmarks = new Dictionary<string, Func<string[], Task<object>>>(StringComparer.Ordinal)
{
    ["agent"] = AgentBenchmark.RunAsync,
    ["availability"] = AvailabilityBenchmark.RunAsync,
    ["book-create"] = BookCreateBenchmark.RunAsync,
    ["ingest-duckdb"] = IngestDuckDbBenchmark.RunAsync,
    ["ingest-influx"] = IngestInfluxBenchmark.RunAsync,
    ["ingest-live"] = IngestLiveBenchmark.RunAsync,
    ["journal"] = JournalBenchmark.RunAsync,
    ["month-view"] = AvailabilityBenchmark.MonthAsync,
    ["mqtt-single"] = MqttSingleBenchmark.RunAsync,
};

var name = args.FirstOrDefault(a => !a.StartsWith('-'));
if (name is null || !benchmarks.TryGetValue(name, out var run))
{
    Console.Error.WriteLine($"Name one benchmark: {string.Join(", ", benchmarks.Keys.Order(StringComparer.Ordinal))}. Example: -- journal --json");
    return 1;
}
var result = await run([.. args.Where(a => a != name)]);
Console.WriteLine(JsonSerializer.Serialize(result, BenchmarkJson.Options));
return 0;
