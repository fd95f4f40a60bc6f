using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.Cli.Pull;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>datasets list | create | pull</summary>
internal static class DatasetCommands
{
    public static Command Create(Globals globals) =>
        new("datasets", "Citable, versioned sets of files made from runs.") { List(globals), Make(globals), Pull(globals) };

    private static Command List(Globals globals)
    {
        var of = new Option<string?>("--of") { Description = "only of this cell test, booking or run" };
        var command = new Command("list", "List datasets that you may see.") { of };
        globals.Run(command, async session =>
        {
            var request = new ListDatasetsRequest { Of = session.Get(of) ?? "" };
            var all = new ListDatasetsResponse();
            do
            {
                var page = await session.Connection.Datasets.ListDatasetsAsync(request, session.Connection.Question(session.Cancel));
                all.Datasets.Add(page.Datasets);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            session.Report.Answer(all, () =>
            {
                session.Report.Line($"{Words.Count(all.Datasets.Count, "dataset")}.");
                foreach (var dataset in all.Datasets) Text(session.Report, dataset);
            });
        });
        return command;
    }

    private static Command Make(Globals globals)
    {
        var of = new Option<string>("--of") { Description = "cellTests/…, bookings/… or runs/… it is made of", Required = true };
        var id = new Option<string?>("--id") { Description = "its id: a–z, 0–9 and '-'; empty = the server chooses" };
        var title = new Option<string?>("--title") { Description = "title" };
        var licence = new Option<string?>("--licence") { Description = "SPDX id, e.g. CC-BY-4.0" };
        var command = new Command("create", "Make the next version from the runs as they stand: final, or interim while one still runs.") { of, id, title, licence };
        globals.Run(command, async session =>
        {
            var request = new CreateDatasetRequest
            {
                Dataset = new Dataset { Of = session.Get(of)!, Title = session.Get(title) ?? "", Licence = session.Get(licence) ?? "" },
                DatasetId = session.Get(id) ?? "",
                RequestId = Names.NewRequestId(),
            };
            // Files are written before the answer comes; a long run takes its time.
            var dataset = await session.Connection.Datasets.CreateDatasetAsync(request, session.Connection.Question(session.Cancel, TimeSpan.FromMinutes(30)));
            session.Report.Answer(dataset, () => Text(session.Report, dataset));
        });
        return command;
    }

    private static Command Pull(Globals globals)
    {
        var name = new Argument<string>("dataset") { Description = "datasets/… (its newest version) or datasets/…/versions/…" };
        var directory = new Option<string>("--out") { Description = "folder for the files; made when missing", Required = true };
        var command = new Command("pull", "Download a dataset; continues what an earlier pull left, and checks every file's SHA-256.") { name, directory };
        globals.Run(command, async session =>
        {
            var pulled = await DatasetPull.RunAsync(session, Names.Full(session.Get(name), "datasets"), session.Get(directory)!);
            session.Report.Answer(w => pulled.Json(w), () => pulled.Text(session.Report));
        });
        return command;
    }

    private static void Text(Report report, Dataset dataset)
    {
        report.Line();
        report.Line($"{dataset.Name}: {Words.Of(dataset.State)}{(dataset.Title.Length > 0 ? $", {dataset.Title}" : "")}{(dataset.Simulated ? ", SIMULATED" : "")}");
        report.Line($"made of {dataset.Of}, version {dataset.Version}, licence {(dataset.Licence.Length > 0 ? dataset.Licence : "not given")}", 2);
        foreach (var c in dataset.Completeness) report.Line($"{c.Run}: {c.Sentence}", 2);
        foreach (var file in dataset.Files) report.Line($"{file.File}, {Words.Bytes(file.Bytes)}", 2);
    }
}
