using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using Microsoft.Data.Sqlite;
using Quartz;

namespace BattKomp.Lab.Server.Platform.Sweeps;

/// <summary>Registers Quartz with its job store in the calendar database.</summary>
public static class SweepRegistration
{
    /// <summary>The scheduler; clustered on PostgreSQL. Nothing at all when sweeps are switched off.</summary>
    public static IServiceCollection AddSweeps(this IServiceCollection services, LabOptions options, TimeProvider time)
    {
        if (options.Runs.SweepSeconds == 0) return services;
        services.AddQuartz(quartz =>
        {
            quartz.UseTimeProvider(time);
            // One that waits for a mail server must not keep leases waiting.
            quartz.UseDefaultThreadPool(4);
            quartz.ConfigureScheduler(scheduler =>
            {
                scheduler.InstanceName = "battlab";
                scheduler.InstanceId = Guid.NewGuid().ToString("N");
            });
            quartz.UsePersistentStore(store =>
            {
                if (options.Calendar == "postgres")
                {
                    store.UsePostgres(Npgsql.NpgsqlFactory.Instance, options.PostgresConnection);
                    store.UseClustering(_ => { });
                }
                else
                {
                    store.UseSqlite(SqliteFactory.Instance, new SqliteConnectionStringBuilder
                    {
                        DataSource = Path.Combine(options.DataDirectory, "calendar.sqlite"),
                        DefaultTimeout = 30,
                    }.ConnectionString);
                }
                store.ProvisionSchema();
            });
        });
        services.AddQuartzHostedService(hosted => hosted.WaitForJobsToComplete = true);
        services.AddTransient<SweepJob>();
        return services.AddHostedService<SweepSchedule>();
    }
}

/// <summary>At start, gives each sweep its recurring trigger, if it has none: declaring again makes two servers that start together deadlock.</summary>
internal sealed class SweepSchedule(ISchedulerFactory schedulers, IEnumerable<ISweep> sweeps, LabOptions options, TimeProvider time) : IHostedService
{
    private const string Group = "sweeps";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var scheduler = await schedulers.GetScheduler(cancellationToken);
        var interval = TimeSpan.FromSeconds(options.Runs.SweepSeconds);
        foreach (var sweep in sweeps)
        {
            var trigger = Trigger(sweep.Name, interval);
            if (await scheduler.GetTrigger(trigger.Key, cancellationToken) is not { } known)
                await scheduler.ScheduleJob(JobBuilder.Create<SweepJob>().WithIdentity(sweep.Name, Group).Build(), trigger, cancellationToken: cancellationToken);
            else if ((known as ISimpleTrigger)?.RepeatInterval != interval)
                await scheduler.RescheduleJob(trigger.Key, trigger, cancellationToken);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private ITrigger Trigger(string sweep, TimeSpan interval) => TriggerBuilder.Create(time)
        .WithIdentity(sweep, Group)
        .StartNow()
        // A firing missed while the server was down or busy is not made up for: the next one does its work.
        .WithSchedule(SimpleScheduleBuilder.Create().WithInterval(interval).RepeatForever().WithMisfireInstruction(SimpleTriggerMisfireInstruction.NextWithExistingCount))
        .Build();
}

/// <summary>Runs the sweep that its key names.</summary>
[DisallowConcurrentExecution]
internal sealed class SweepJob(IEnumerable<ISweep> sweeps, ILogger<SweepJob> log) : IJob
{
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        var name = context.JobDetail.Key.Name;
        if (sweeps.FirstOrDefault(s => s.Name == name) is not { } sweep) return;
        try
        {
            await sweep.RunAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The server stops; the next start goes on.
        }
        catch (Exception e) when (e is LabException { Reason: Reason.StoreUnavailable } or StoreUnavailableException)
        {
            log.LogWarning("Sweep {Sweep} waits for its store: {Why}", name, e.Message);
        }
        catch (Exception e)
        {
            log.LogError(e, "Sweep {Sweep} failed; it runs again", name);
        }
    }
}
