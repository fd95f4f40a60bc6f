using BattKomp.Lab.V1;
using Spectre.Console;

namespace BattKomp.Lab.Cli.Pull;

/// <summary>Progress on stderr: bars where a person looks, a line for each file where it is redirected.</summary>
internal sealed class PullProgress : IDisposable
{
    private readonly Session _session;
    private readonly Dictionary<string, ProgressTask> _tasks = [];
    private readonly Dictionary<string, long> _sizes;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> _said = [];
    private Task _bars = Task.CompletedTask;

    private PullProgress(Session session, IEnumerable<DatasetFile> files) =>
        (_session, _sizes) = (session, files.ToDictionary(f => f.File, f => f.Bytes));

    public static PullProgress Start(Session session, IEnumerable<DatasetFile> files)
    {
        var progress = new PullProgress(session, files);
        if (session.Host.ErrorIsTerminal && !session.Report.Json) progress.ShowBars();
        return progress;
    }

    /// <summary>That many bytes of the file are here.</summary>
    public void Report(string file, long bytes)
    {
        if (_tasks.TryGetValue(file, out var task)) task.Value = bytes;
        else if (!_session.Report.Json && _said.Add(file)) _session.Report.Note($"{file}, {Output.Words.Bytes(_sizes[file])}");
    }

    /// <summary>Takes the bars down.</summary>
    public void Dispose()
    {
        _done.TrySetResult();
        _bars.GetAwaiter().GetResult();
    }

    private void ShowBars()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(_session.Host.Error) });
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _bars = console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                foreach (var (file, bytes) in _sizes) _tasks[file] = context.AddTask(Markup.Escape(file), maxValue: Math.Max(1, bytes));
                ready.SetResult();
                await _done.Task;
            });
        ready.Task.GetAwaiter().GetResult();
    }
}
