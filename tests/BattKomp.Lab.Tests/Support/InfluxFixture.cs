using BattKomp.Lab.Telemetry.Influx;
using BattKomp.Lab.Tests.Support;
using Xunit;

[assembly: AssemblyFixture(typeof(InfluxFixture))]

namespace BattKomp.Lab.Tests.Support;

/// <summary>One real InfluxDB 1.6 server for the whole test run, started when the first test asks; every test has its own database.</summary>
public sealed class InfluxFixture : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1, 1);
    private InfluxServer? _server;
    private int _databases;

    /// <summary>The server of this run.</summary>
    public static InfluxFixture? Current { get; private set; }

    /// <summary>Remembers the one instance that the runner makes.</summary>
    public InfluxFixture() => Current = this;

    /// <summary>Settings for a database that does not exist yet; skips the test where there is no server to start.</summary>
    public static async Task<InfluxOptions> NewDatabaseAsync()
    {
        var fixture = Current!;
        await fixture._starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            fixture._server ??= await InfluxServer.StartAsync();
            return new InfluxOptions { Url = fixture._server.Url, Database = $"lab_{++fixture._databases}" };
        }
        finally
        {
            fixture._starting.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _starting.Dispose();
    }
}
