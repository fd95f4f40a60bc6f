using System.Text.Json.Nodes;
using BattKomp.Lab.Demo;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Integration.Matrix;

/// <summary>A lab with one running run on each column's bench: a fault happens, then the account is drawn up.</summary>
internal sealed class MatrixLab : IAsyncDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private readonly IReadOnlyList<Column> _columns;
    private readonly InProcessAgent? _inProcess;
    private readonly Dictionary<Column, string> _runs = [];
    private readonly RestClient _student;

    private MatrixLab(DemoLab lab, IReadOnlyList<Column> columns, InProcessAgent? inProcess)
    {
        (Lab, _columns, _inProcess) = (lab, columns, inProcess);
        _student = new RestClient(lab.Http, lab.Token("doctoral-student"));
    }

    /// <summary>Server, agent and simulators.</summary>
    public DemoLab Lab { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts the lab and waits until every column's run has records in the store.</summary>
    public static async Task<MatrixLab> StartAsync(IReadOnlyList<Column> columns, DemoOptions? options = null, InProcessAgent? inProcess = null)
    {
        options ??= new DemoOptions();
        var lab = new MatrixLab(await DemoLab.StartAsync(
            options with { Once = true, Speed = 1, Benches = [.. columns.Select(c => c.Bench)], AgentRunner = inProcess is null ? null : inProcess.RunAsync }, TimeProvider.System, Cancel), columns, inProcess);
        try
        {
            await lab.BeginRunsAsync(options);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>The run of a column.</summary>
    public string Run(Column column) => _runs[column];

    /// <summary>Waits until each given column has this many more records in the store than now.</summary>
    public async Task MoreRecordsAsync(int more, params IEnumerable<Column> columns)
    {
        var wanted = new Dictionary<Column, long>();
        foreach (var column in columns)
            await Lab.UntilAsync(async () => (wanted[column] = await StoredAsync(column) + more) > 0, Bound, $"the account of {column.Bench.Rig} can be read", Cancel);
        foreach (var (column, enough) in wanted)
            await Lab.UntilAsync(async () => await StoredAsync(column) >= enough, Bound, $"{more} more records of {column.Bench.Rig}", Cancel);
    }

    /// <summary>Records in the store, by column.</summary>
    public async Task<IReadOnlyDictionary<Column, long>> RecordsAsync()
    {
        var stored = new Dictionary<Column, long>();
        foreach (var column in _columns)
            stored[column] = await StoredAsync(column);
        return stored;
    }

    /// <summary>Waits until the lab is so many seconds further: simulators live in real time here.</summary>
    public Task SecondsOfRecordsAsync(double seconds)
    {
        var until = Lab.Time.GetUtcNow() + TimeSpan.FromSeconds(seconds);
        return Lab.UntilAsync(() => Task.FromResult(Lab.Time.GetUtcNow() >= until), Bound, $"{seconds} s of records", Cancel);
    }

    /// <summary>Waits until the simulators have been on for so many seconds, the time scale of their fault scripts.</summary>
    public Task UntilSimulatorsAreOldAsync(double seconds) =>
        Lab.UntilAsync(() => Task.FromResult(Lab.Time.GetUtcNow() >= Lab.Origin + TimeSpan.FromSeconds(seconds)), Bound + TimeSpan.FromSeconds(seconds), $"the simulators are {seconds} s old", Cancel);

    /// <summary>Waits until the column's instrument itself says that no current flows.</summary>
    public Task OffAsync(Column column) =>
        Lab.UntilAsync(() => Task.FromResult(Lab.Stats(column.Bench.Instrument).State is not "running"), Bound, $"the output of {column.Bench.Rig} is off", Cancel);

    /// <summary>Stops every run at once, within the driver's declared time to safe where <paramref name="timed"/>, and waits until each is final.</summary>
    public async Task StopAsync(bool timed = true)
    {
        foreach (var column in _columns)
        {
            if (await StateAsync(column) is "ENDED" or "FINAL")
                continue;
            var stopped = await _student.PostAsync($"/v1/{_runs[column]}:stop", new JsonObject { ["mode"] = "IMMEDIATE", ["reason"] = "the matrix has seen enough", ["waitSeconds"] = 30 }, Cancel);
            var channel = stopped["channels"]!.AsArray().Single()!;
            Assert.True(channel["acknowledged"]?.GetValue<bool>() == true, $"{column.Bench.Rig}: {stopped.ToJsonString()}");
            var declared = InstrumentCatalogue.Drivers[column.Bench.Protocol].TimeToSafe.TotalSeconds;
            if (timed && column.Powered)
                Assert.InRange(channel["secondsToSafe"]?.GetValue<double>() ?? 0, 0, declared);
        }
        foreach (var column in _columns)
            await Lab.UntilAsync(async () => await StateAsync(column) == "FINAL", TimeSpan.FromMinutes(2), $"{column.Bench.Rig} is final", Cancel);
    }

    /// <summary>Every record journalled is stored once, and the outages tell exactly the holes. Stops the agent.</summary>
    public async Task<IReadOnlyList<ColumnAccount>> AccountAsync(bool holesAreTold = true, bool keptApart = false)
    {
        var completeness = new Dictionary<Column, JsonNode>();
        foreach (var column in _columns)
            completeness[column] = await _student.GetAsync($"/v1/{_runs[column]}/completeness", Cancel);
        await Lab.StopAgentAsync();
        var entries = Entries();
        var accounts = _columns.Select(c => new ColumnAccount(c, _runs[c], completeness[c], entries)).ToList();
        foreach (var account in accounts)
        {
            account.NothingIsLostOrDoubled(keptApart);
            if (holesAreTold)
                account.OutagesAreExactlyTheHoles();
        }
        return accounts;
    }

    public async ValueTask DisposeAsync()
    {
        _student.Dispose();
        await Lab.DisposeAsync();
    }

    private async Task BeginRunsAsync(DemoOptions options)
    {
        var work = new Work(Lab, _student);
        var start = Lab.Time.GetUtcNow() + TimeSpan.FromSeconds(1);
        foreach (var column in _columns)
        {
            var (code, answer, _) = await work.BookBenchAsync(column.Bench, options, start, TimeSpan.FromHours(2), Cancel);
            Assert.True(code == 0, answer.ToJsonString());
            await Lab.UntilAsync(async () => await RunOfAsync(answer["name"]!.GetValue<string>()) is { } run && (_runs[column] = run).Length > 0, Bound, $"{column.Bench.Rig} has a run", Cancel);
        }
        await MoreRecordsAsync(5, _columns);
    }

    private async Task<string?> RunOfAsync(string booking) =>
        (await _student.GetAsync($"/v1/runs?of={booking}", Cancel))["runs"]?.AsArray() is { Count: > 0 } found ? found[0]!["name"]!.GetValue<string>() : null;

    private async Task<long> StoredAsync(Column column) => ColumnAccount.Number((await _student.GetAsync($"/v1/{_runs[column]}/completeness", Cancel))["records"]);

    private async Task<string> StateAsync(Column column) => (await _student.GetAsync($"/v1/{_runs[column]}", Cancel))["state"]!.GetValue<string>();

    private List<Entry> Entries()
    {
        IJournalDisk disk = _inProcess is not null ? _inProcess.JournalDisk : new PhysicalDisk(Path.Combine(Lab.AgentFolder, "journal"));
        using var journal = AgentJournal.Open(disk);
        using var reader = journal.Read(new JournalPosition(0, 0));
        var entries = new List<Entry>();
        while (reader.TryRead() is { } frame)
            entries.Add(Entry.Parser.ParseFrom(frame.Payload));
        return entries;
    }
}
