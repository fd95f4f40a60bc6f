using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>runs watch: live values until the run is final or Ctrl-C.</summary>
internal static class WatchCommand
{
    public static Command Create(Globals globals)
    {
        var run = new Argument<string>("run") { Description = "runs/…" };
        var signals = new Option<string[]>("--signal") { Description = "BDF name; repeat it for several (default voltage_volt, current_ampere)", DefaultValueFactory = _ => ["voltage_volt", "current_ampere"] };
        var rate = new Option<double?>("--rate") { Description = "points a second at most; 0 = every record (default: 1 as text, 0 with --json)" };
        var replay = new Option<bool>("--replay") { Description = "first what is stored already" };
        var command = new Command("watch", "Follow a run: one line per point, until it is final.") { run, signals, rate, replay };
        globals.Run(command, async session =>
        {
            var request = new WatchRunRequest
            {
                Name = Names.Full(session.Get(run), "runs"),
                MaxRateHz = session.Get(rate) ?? (session.Report.Json ? 0 : 1),
                Replay = session.Get(replay),
            };
            request.Signals.AddRange(session.Get(signals)!);
            if (request.MaxRateHz is not (>= 0 and <= 1e6)) throw CliException.Invalid("FIELDS_INVALID", "--rate is not a number of points a second.", "Use 0 or more, e.g. 10.");
            await FollowAsync(session, request);
        });
        return command;
    }

    private static async Task FollowAsync(Session session, WatchRunRequest request)
    {
        using var call = session.Connection.Runs.WatchRun(request, session.Connection.Stream(session.Cancel));
        try
        {
            var over = false;
            await foreach (var update in call.ResponseStream.ReadAllAsync(session.Cancel))
            {
                Write(session.Report, request, update);
                if (update.Run is { } run) over = run.State is RunState.Final or RunState.Missed;
            }
            if (!over) throw new CliException(new Failure(ExitCodes.Unreachable, "WATCH_ENDED", "The server ended the watch before the run was over.") { Remedy = "Watch again; with --replay nothing is missed." });
        }
        // Ctrl-C is how a person ends a watch; it is not a failure.
        catch (Exception e) when (session.Cancel.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
        }
    }

    private static void Write(Report report, WatchRunRequest request, RunUpdate update)
    {
        if (update.Run is { } run)
        {
            if (report.Json) report.StreamLine(w => { w.WriteStartObject(); w.WritePropertyName("run"); w.WriteRawValue(Report.ToJson(run)); w.WriteEndObject(); });
            else report.Line($"{run.Name}: {RunCommands.State(run)}, {Words.Count(run.RecordsStored, "record")} stored");
        }
        foreach (var e in update.Events)
        {
            if (report.Json) report.StreamLine(w => { w.WriteStartObject(); w.WritePropertyName("event"); w.WriteRawValue(Report.ToJson(e)); w.WriteEndObject(); });
            else report.Line(EventText.Of(e));
        }
        foreach (var point in update.Points)
        {
            if (report.Json) report.StreamLine(w => Json(w, request, point));
            else report.Line(Text(request, point));
        }
        report.Out.Flush();
    }

    private static void Json(Utf8JsonWriter w, WatchRunRequest request, LivePoint point)
    {
        w.WriteStartObject();
        w.WriteString("utc_ns", point.UtcNs.ToString(CultureInfo.InvariantCulture));
        Value(w, "test_time_second", point.TestTimeSecond);
        for (var i = 0; i < request.Signals.Count && i < point.Values.Count; i++) Value(w, request.Signals[i], point.Values[i]);
        w.WriteEndObject();
    }

    private static void Value(Utf8JsonWriter w, string name, double value)
    {
        if (double.IsFinite(value)) w.WriteNumber(name, value);
        else w.WriteNull(name);
    }

    private static string Text(WatchRunRequest request, LivePoint point)
    {
        var values = request.Signals.Zip(point.Values, (signal, value) => $"{signal} {Words.Number(value)}");
        var at = DateTimeOffset.UnixEpoch.AddTicks(point.UtcNs / 100).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        return $"{at}  {Words.Number(point.TestTimeSecond)} s  {string.Join("  ", values)}";
    }
}
