using System.Reflection;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>A run with what the store and the archive say of it.</summary>
internal sealed record RunEvidence(RunRow Run, RunCompleteness Completeness, IReadOnlyList<SegmentRow> Segments)
{
    public bool Simulated => Completeness.Streams.Any(s => s.Header.Simulated) || Run.Flags.Contains(StreamFlags.Simulated);
}

/// <summary>manifest.json: everything a reader needs to judge and cite the files beside it.</summary>
internal static class DatasetManifest
{
    internal const string FileName = "manifest.json";
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static readonly JsonFormatter Proto = new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithFormatDefaultValues(true));

    /// <summary>Version of this software as built.</summary>
    internal static string SoftwareVersion { get; } =
        typeof(DatasetManifest).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>All that follows from the content; two equal contents give equal bytes.</summary>
    internal static JsonObject Core(DatasetSubject subject, Dataset dataset, IReadOnlyList<RunEvidence> runs, TestObject? testObject) => new()
    {
        ["of"] = subject.Of,
        ["title"] = dataset.Title,
        ["state"] = subject.Final ? "FINAL" : "INTERIM",
        ["licence"] = dataset.Licence,
        ["visibility"] = Node(dataset.Visibility),
        ["owner"] = subject.Owner,
        ["bdf_version"] = BdfTerms.Version,
        ["software"] = new JsonObject { ["name"] = "BattKomp.Lab", ["version"] = SoftwareVersion },
        ["simulated"] = runs.Any(r => r.Simulated),
        ["cell_test"] = subject.CellTest?.Name,
        ["procedure"] = subject.CellTest?.Procedure ?? runs.Select(r => r.Run.Procedure).FirstOrDefault(p => p.Length > 0),
        ["test_object"] = testObject is null ? null : Node(testObject),
        ["runs"] = new JsonArray([.. runs.Select(Run)]),
    };

    /// <summary>Identity of a content. How the ledger is cut is no part of it: merging its ranges makes no new version.</summary>
    internal static string KeyOf(JsonObject core)
    {
        var content = core.DeepClone();
        foreach (var stream in content["runs"]!.AsArray().SelectMany(r => r!["completeness"]!["streams"]!.AsArray())) stream!.AsObject().Remove("ledger_sha256");
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(content)));
    }

    /// <summary>The whole manifest, with the files and what names this version.</summary>
    internal static byte[] Encode(JsonObject core, Dataset dataset, IEnumerable<DatasetFile> files, IEnumerable<string> derived)
    {
        var all = new JsonObject { ["name"] = dataset.Name, ["version"] = dataset.Version, ["create_time"] = dataset.CreateTime.ToDateTimeOffset().ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ") };
        foreach (var (key, value) in core) all[key] = value?.DeepClone();
        all["derived_columns"] = new JsonArray([.. derived.Select(d => (JsonNode)d)]);
        all["files"] = new JsonArray([.. files.Select(f => (JsonNode)new JsonObject { ["file"] = f.File, ["media_type"] = f.MediaType, ["bytes"] = f.Bytes, ["sha256"] = f.Sha256 })]);
        return JsonSerializer.SerializeToUtf8Bytes(all, Indented);
    }

    private static JsonNode Run(RunEvidence evidence) => new JsonObject
    {
        ["run"] = evidence.Run.Name,
        ["channel"] = evidence.Run.Channel,
        ["booking"] = evidence.Run.Booking,
        ["lease"] = evidence.Run.Lease,
        ["agent"] = evidence.Run.Agent,
        ["procedure"] = evidence.Run.Procedure,
        ["procedure_sha256"] = evidence.Run.ProcedureSha256,
        ["calibrations"] = new JsonArray([.. evidence.Run.Calibrations.Select(c => (JsonNode)c)]),
        ["flags"] = new JsonArray([.. evidence.Run.Flags.Select(f => (JsonNode)f)]),
        ["end_reason"] = evidence.Run.EndReason,
        ["simulated"] = evidence.Simulated,
        ["completeness"] = Node(CompletenessMap.ToProto(evidence.Completeness)),
        ["streams"] = new JsonArray([.. evidence.Completeness.Streams.Select((s, k) => Stream(s, k + 1))]),
        ["segments"] = new JsonArray([.. evidence.Segments.Select(s => (JsonNode)new JsonObject { ["segment"] = s.Name, ["sha256"] = s.Sha256, ["records"] = s.Records, ["bytes"] = s.Bytes })]),
    };

    private static JsonNode Stream(StreamState stream, int number) => new JsonObject
    {
        ["record_stream"] = number,
        ["agent"] = stream.Key.Agent,
        ["boot"] = stream.Key.Boot,
        ["stream"] = stream.Key.Stream,
        ["lease"] = stream.Header.Lease,
        ["instrument_identity"] = stream.Header.InstrumentIdentity,
        ["protocol"] = stream.Header.Protocol,
        ["clock_quality"] = stream.Header.ClockQuality,
        ["lab_speed"] = stream.Header.LabSpeed,
        ["anchor_utc_ns"] = stream.Header.AnchorUtcNs,
        ["closed"] = stream.ClosedLastSeq is not null,
        ["complete_to_sequence"] = stream.Gaps.Count > 0 ? stream.Gaps[0].First - 1 : stream.MaxSeq,
    };

    private static JsonNode? Node(IMessage? message) => message is null ? null : JsonNode.Parse(Proto.Format(message));
}
