using System.Diagnostics;
using System.Globalization;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.Support;
using Npgsql;
using Xunit;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

namespace BattKomp.Lab.Tests.Support;

/// <summary>
/// One real PostgreSQL 15 server for the whole test run, started when the first test asks for a database: own cluster in
/// a temporary folder, loopback, free port, fsync on unless <c>BATTLAB_TEST_FSYNC=off</c>. Stopped by its process id. Where
/// the server is not installed: a visible skip, and a failure when <c>CI=true</c>.
/// </summary>
public sealed class PostgresFixture : IAsyncDisposable
{
    private static readonly TimeSpan StartBound = TimeSpan.FromSeconds(60);
    private readonly SemaphoreSlim _starting = new(1, 1);
    private Process? _server;
    private string _folder = "";
    private string _adminConnection = "";
    private int _databases;

    /// <summary>The server of this run.</summary>
    public static PostgresFixture? Current { get; private set; }

    /// <summary>Remembers the one instance that the runner makes.</summary>
    public PostgresFixture() => Current = this;

    /// <summary>The connection string of a new, empty database; skips the test where there is no server to start.</summary>
    public static Task<string> NewDatabaseAsync() => Current!.CreateAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            NpgsqlConnection.ClearAllPools();
            await StopAsync();
        }
        if (_folder.Length > 0) Directory.Delete(_folder, recursive: true);
        _starting.Dispose();
    }

    private async Task<string> CreateAsync()
    {
        await _starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            if (_server is null) await StartAsync();
            var name = $"lab_{++_databases}";
            await using var connection = new NpgsqlConnection(_adminConnection);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
            await command.ExecuteNonQueryAsync();
            // Every test has a database of its own, and the job store's pool outlives its server: what is idle makes room.
            return new NpgsqlConnectionStringBuilder(_adminConnection) { Database = name, MaxPoolSize = 80, Pooling = true, ConnectionIdleLifetime = 3, ConnectionPruningInterval = 1 }.ConnectionString;
        }
        finally
        {
            _starting.Release();
        }
    }

    private async Task StartAsync()
    {
        var bin = FindBinaries();
        _folder = Directory.CreateTempSubdirectory("battlab-pg-").FullName;
        var data = Path.Combine(_folder, "data");
        var port = FreePort.Next();
        if (AsRoot) await RunAsync("chown", "postgres", _folder);
        await RunAsync(AsPostgres(Path.Combine(bin, "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"));
        var fsync = Environment.GetEnvironmentVariable("BATTLAB_TEST_FSYNC") == "off" ? "off" : "on";
        string[] settings = ["-D", data, "-k", _folder, "-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-c", "fsync=" + fsync, "-c", "max_connections=300", "-c", "logging_collector=off"];
        _server = Process.Start(Quiet(AsPostgres(Path.Combine(bin, "postgres"), settings)))!;
        _server.OutputDataReceived += (_, _) => { };
        _server.ErrorDataReceived += (_, _) => { };
        _server.BeginOutputReadLine();
        _server.BeginErrorReadLine();
        _adminConnection = $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres;Pooling=false";
        await Eventually.Async(AnswersAsync, StartBound, "PostgreSQL answers");
    }

    private async Task<bool> AnswersAsync()
    {
        Assert.False(_server!.HasExited, "PostgreSQL stopped while starting");
        try
        {
            await using var connection = new NpgsqlConnection(_adminConnection);
            await connection.OpenAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private async Task StopAsync()
    {
        // The postmaster's own id stands in its lock file: the process started here may be runuser around it.
        var pid = (await File.ReadAllLinesAsync(Path.Combine(_folder, "data", "postmaster.pid")))[0];
        await RunAsync("kill", "-INT", pid);
        await _server!.WaitForExitAsync();
        _server.Dispose();
    }

    private static bool AsRoot => Environment.UserName == "root";

    private static string FindBinaries()
    {
        const string debian = "/usr/lib/postgresql/15/bin";
        if (Directory.Exists(debian)) return debian;
        const string reason = "PostgreSQL 15 is not installed (Debian package postgresql-15)";
        if (string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase)) Assert.Fail(reason);
        Assert.Skip(reason);
        return "";
    }

    // The server refuses to run as root.
    private static ProcessStartInfo AsPostgres(string program, params string[] arguments) =>
        AsRoot ? new ProcessStartInfo("runuser", ["-u", "postgres", "--", program, .. arguments]) : new ProcessStartInfo(program, arguments);

    private static ProcessStartInfo Quiet(ProcessStartInfo start)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError, start.WorkingDirectory) = (true, true, "/");
        return start;
    }

    private static Task RunAsync(string program, params string[] arguments) => RunAsync(new ProcessStartInfo(program, arguments));

    private static async Task RunAsync(ProcessStartInfo start)
    {
        using var process = Process.Start(Quiet(start))!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{start.FileName} ended with {process.ExitCode}: {await output} {error}");
    }
}
