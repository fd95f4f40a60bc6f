using System.Globalization;
using System.Text.Json;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Instruments.Mqtt;
using BattKomp.Lab.Simulators.Time;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary>The MQTT cycler against a broker in this process.</summary>
public sealed class MqttCyclerTests : IAsyncDisposable
{
    private const string Id = "SIM-CYC-1";
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(40);
    private readonly CancellationTokenSource _stop = new();
    private readonly TestBroker _broker = new();
    private MqttCycler? _cycler;
    private Task _running = Task.CompletedTask;

    [Fact]
    public async Task A_replay_publishes_every_record_of_the_file_once_in_order()
    {
        var replay = NewareReplay.Load(SharedFiles.NewareExample);
        await _broker.StartAsync();
        Start(replay, 100_000);
        await CommandAsync("""{"command":"start","run":"r1"}""");

        await Eventually.Async(() => _broker.State(Id) == "finished", Bound, "the finished status");

        var records = _broker.Records();
        Assert.Equal(9295, replay.Count);
        Assert.Equal(Enumerable.Range(1, 9295).Select(n => (long)n), records.Select(N));
        Assert.Equal(9295, _cycler!.Stats.Published);
        Assert.Equal(9295, _cycler.Stats.Acked);
        Assert.Equal(0, _cycler.Stats.Unacknowledged);
        Assert.Equal(9295, _broker.Status(Id)!.Value.GetProperty("published").GetInt64());
    }

    [Fact]
    public async Task Replayed_utc_and_test_time_agree_and_values_are_the_files_own()
    {
        await _broker.StartAsync();
        Start(NewareReplay.Load(SharedFiles.NewareExample), 100_000);
        await CommandAsync("""{"command":"start","run":"r1"}""");
        await Eventually.Async(() => _broker.RecordCount == 9295, Bound, "all records");

        var records = _broker.Records();
        var start = Utc(records[0]);
        Assert.All(records, r => Assert.Equal(r.GetProperty("t").GetDouble(), (Utc(r) - start).TotalSeconds, 1e-7));
        Assert.Equal(4.3185, records[0].GetProperty("v").GetDouble());
        Assert.Equal(-0.5, records.Min(r => r.GetProperty("i").GetDouble()));
        Assert.Equal(0.330669612, records[262].GetProperty("q_step").GetDouble());
        Assert.Equal("CC_DCH", records[262].GetProperty("step_type").GetString());
        Assert.Equal(81, records[^1].GetProperty("step").GetInt32());
        Assert.Equal(20, records[^1].GetProperty("cycle").GetInt32());
        Assert.Equal(100_543, records[^1].GetProperty("t").GetDouble());
        // The file's own 20 cycle rows, summed.
        Assert.Equal(5713.21, _cycler!.Stats.ChargeMah, 0.2);
        Assert.Equal(5946.64, _cycler.Stats.DischargeMah, 0.2);
    }

    [Fact]
    public async Task A_broker_that_dies_and_returns_loses_nothing_and_order_holds()
    {
        await _broker.StartAsync();
        Start(NewareReplay.Load(SharedFiles.NewareExample), 100_000);
        await CommandAsync("""{"command":"start","run":"r1"}""");
        foreach (var after in (int[])[500, 2000, 4000, 6000])
        {
            await Eventually.Async(() => _broker.RecordCount > after, Bound, $"{after} records");
            await _broker.StopAsync();
            await _broker.StartAsync();
        }
        await Eventually.Async(() => _broker.State(Id) == "finished", Bound, "the finished status");

        var numbers = _broker.Records().Select(N).ToList();
        Assert.Equal(Enumerable.Range(1, 9295).Select(n => (long)n), numbers.Distinct());
        Assert.Equal(9295, _cycler!.Stats.Acked);
        Assert.Equal(9295, _cycler.Stats.Published);
        Assert.InRange(numbers.Count, 9295, 9295 + _cycler.Stats.Resent);
    }

    [Fact]
    public async Task The_same_run_is_not_begun_again_and_another_counts_from_one()
    {
        var program = new CyclerProgram(new CellParameters(), new ProgramOptions { Cycles = 1 }, 1);
        await _broker.StartAsync();
        Start(program, 100_000);
        await CommandAsync("""{"command":"start","run":"r1"}""");
        await Eventually.Async(() => _broker.State(Id) == "finished", Bound, "the first run finished");
        var first = _broker.RecordCount;
        await CommandAsync("""{"command":"start","run":"r1"}""");
        await CommandAsync("""{"command":"start","run":"r2"}""");
        await Eventually.Async(() => _broker.Status(Id)?.GetProperty("run").GetString() == "r2" && _broker.State(Id) == "finished", Bound, "the second run finished");

        var second = _broker.Records().Skip(first).ToList();
        Assert.Equal(first, second.Count);
        Assert.Equal(Enumerable.Range(1, first).Select(n => (long)n), second.Select(N));
        Assert.All(second, r => Assert.Equal("r2", r.GetProperty("run").GetString()));
    }

    [Fact]
    public async Task Stop_ends_a_run_and_a_bad_order_is_answered_with_its_remedy()
    {
        var program = new CyclerProgram(new CellParameters(), new ProgramOptions { RecordSeconds = 1 }, 1);
        await _broker.StartAsync();
        Start(program, 50);
        await CommandAsync("""{"command":"start"}""");
        await Eventually.Async(() => _broker.Status(Id)?.TryGetProperty("error", out _) == true, Bound, "the refusal");
        Assert.Contains("run is missing", _broker.Status(Id)!.Value.GetProperty("error").GetString());

        await CommandAsync("""{"command":"start","run":"r1"}""");
        await Eventually.Async(() => _broker.RecordCount > 20, Bound, "records");
        await CommandAsync("""{"command":"stop"}""");
        await Eventually.Async(() => _broker.State(Id) == "idle" && _cycler!.Stats.Unacknowledged == 0, Bound, "idle");

        Assert.True(_cycler!.Stats.Stopped);
        Assert.Equal(1, _cycler.Stats.CommandsRefused);
        Assert.Equal(_cycler.Stats.Published, _broker.RecordCount);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        await _broker.DisposeAsync();
        _stop.Dispose();
    }

    [Theory]
    [InlineData(FaultKind.DuplicatedFrame, "duplicated_frame")]
    [InlineData(FaultKind.Silence, "silence")]
    [InlineData(FaultKind.LateReply, "late_reply")]
    [InlineData(FaultKind.StuckValue, "stuck_value")]
    public async Task A_fault_strikes_as_often_as_the_stats_say_and_no_message_is_lost_but_the_silenced(FaultKind kind, string name)
    {
        await _broker.StartAsync();
        Start(new CyclerProgram(new CellParameters(), new ProgramOptions { Cycles = 1, RecordSeconds = 60 }, 1), 100_000, new Fault { Kind = kind, Probability = 0.2 });
        await CommandAsync("""{"command":"start","run":"r1"}""");
        await Eventually.Async(() => _broker.State(Id) == "finished", Bound, "the finished status");

        var (numbers, stats) = (_broker.Records().Select(N).ToList(), _cycler!.Stats);
        var struck = stats.Faults.GetValueOrDefault(name);
        Assert.True(kind == FaultKind.StuckValue || struck > 0, "a fifth of the records are struck");
        Assert.Equal(kind == FaultKind.Silence ? struck : 0, stats.FramesSilenced);
        Assert.Equal(stats.FramesMade - stats.FramesSilenced, numbers.Distinct().Count());
        Assert.Equal(kind == FaultKind.DuplicatedFrame ? struck : 0, numbers.Count - numbers.Distinct().Count());
        Assert.Equal(kind == FaultKind.LateReply, numbers.Zip(numbers.Skip(1)).Any(p => p.Second < p.First));
    }

    [Fact]
    public async Task A_clock_step_moves_the_stamps_and_nothing_else()
    {
        await _broker.StartAsync();
        Start(new CyclerProgram(new CellParameters(), new ProgramOptions { Cycles = 1, RecordSeconds = 60 }, 1), 100_000, new Fault { Kind = FaultKind.ClockStep, Seconds = 3600 });
        await CommandAsync("""{"command":"start","run":"r1"}""");
        await Eventually.Async(() => _broker.State(Id) == "finished", Bound, "the finished status");
        var records = _broker.Records();
        Assert.All(records, r => Assert.Equal(r.GetProperty("t").GetDouble(), (Utc(r) - Utc(records[0])).TotalSeconds, 1e-6));
        Assert.Equal(Enumerable.Range(1, records.Count).Select(n => (long)n), records.Select(N));
    }

    private void Start(IRecordSource source, double speed, params Fault[] faults)
    {
        var options = new CyclerOptions { Id = Id, Broker = new BrokerOptions { Port = _broker.Port }, Faults = faults, Seed = 3 };
        _cycler = new MqttCycler(options, source, SimulatedLabTime.StartingNow(speed, TimeProvider.System), TimeProvider.System);
        _running = _cycler.RunAsync(_stop.Token);
    }

    private async Task CommandAsync(string json)
    {
        await Eventually.Async(() => _broker.State(Id) is not null, Bound, "the instrument at the broker");
        await _broker.CommandAsync(Id, json);
    }

    private static long N(JsonElement record) => record.GetProperty("n").GetInt64();

    private static DateTimeOffset Utc(JsonElement record) =>
        DateTimeOffset.Parse(record.GetProperty("utc").GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
