using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>Dataset versions: makes them, finds them, opens their files. The slice's one public interface.</summary>
public sealed class Datasets(
    CalendarDatabase database, RequestLog requests, DatasetSubjects subjects, Segments segments, ITelemetryStore store, TestObjects testObjects, LabOptions options, MachineClock clock)
{
    private const string StandardLicence = "CC-BY-4.0";
    private readonly DatasetBuilder _builder = new(store, options);
    private readonly SemaphoreSlim _making = new(1, 1);

    /// <summary>Makes the next version, or returns the one that exists with this content.</summary>
    public async Task<Dataset> CreateAsync(PersonCaller person, string method, CreateDatasetRequest request, CancellationToken cancel)
    {
        var wish = request.Dataset ?? new Dataset();
        var subject = await AllowedAsync(person, request, wish, cancel);
        await _making.WaitAsync(cancel);
        try
        {
            return await MakeAsync(person, method, request, wish, subject, cancel);
        }
        catch (StoreUnavailableException e)
        {
            throw LabErrors.StoreUnavailable(e.Message, e);
        }
        finally
        {
            _making.Release();
        }
    }

    /// <summary>A version by its name, or the latest by the dataset's, as the caller may see it.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND when absent or hidden.</exception>
    public async Task<Dataset> GetAsync(Caller caller, string name, CancellationToken cancel)
    {
        var parts = name.Split('/');
        var exact = ResourceNames.Is(name, "datasets", "versions") && int.TryParse(parts[3], out _);
        if (!exact && !ResourceNames.Is(name, "datasets")) throw LabErrors.NotFound(name);
        var versions = await database.ReadAsync(tx => DatasetStore.VersionsAsync(tx, parts[1], cancel), cancel);
        var row = exact ? versions.Find(v => v.Dataset.Name == name) : versions.LastOrDefault();
        return row is not null && Sees(caller, row) ? row.Dataset : throw LabErrors.NotFound(name);
    }

    /// <summary>A page of the latest versions that the caller may see.</summary>
    public async Task<ListDatasetsResponse> ListAsync(Caller caller, ListDatasetsRequest request, CancellationToken cancel)
    {
        var (page, next) = await VisiblePage.ReadAsync(
            (after, limit) => database.ReadAsync(tx => DatasetStore.LatestAfterAsync(tx, request.Of, after, limit, cancel), cancel),
            row => Sees(caller, row), row => row.Id, Paging.Size(request.PageSize, 50, 200), Paging.After(request.PageToken));
        return new ListDatasetsResponse { Datasets = { page.Select(r => r.Dataset) }, NextPageToken = next };
    }

    /// <summary>A file of a version that the caller may see; the name must be one that the version lists.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND when the version or the file is absent or hidden.</exception>
    public async Task<(DatasetFile File, string Path)> OpenAsync(Caller caller, string version, string file, CancellationToken cancel)
    {
        if (!ResourceNames.Is(version, "datasets", "versions")) throw LabErrors.NotFound(version);
        var dataset = await GetAsync(caller, version, cancel);
        var found = dataset.Files.FirstOrDefault(f => f.File == file) ?? throw LabErrors.NotFound($"{version}/files/{file}");
        var path = Path.Combine(_builder.FolderOf(version), found.File);
        return File.Exists(path) ? (found, path) : throw DatasetErrors.SegmentGone($"{version}/files/{file}");
    }

    private bool Sees(Caller caller, DatasetRow row) => Views.View(caller, row.Viewable, clock.Now) == ViewLevel.Full;

    private async Task<DatasetSubject> AllowedAsync(PersonCaller person, CreateDatasetRequest request, Dataset wish, CancellationToken cancel)
    {
        new FieldChecks()
            .Require(request.DatasetId.Length == 0 || ResourceNames.IsId(request.DatasetId), "dataset_id", "must be 1–63 of a–z, 0–9 and '-'.")
            .Require(ResourceNames.Is(wish.Of, "cellTests") || ResourceNames.Is(wish.Of, "bookings") || ResourceNames.Is(wish.Of, "runs"), "dataset.of", "must be a name of the form cellTests/<id>, bookings/<id> or runs/<id>.")
            .Require(wish.Title.Length <= 200, "dataset.title", "must be at most 200 characters.")
            .Require(wish.Licence.Length <= 60 && wish.Licence.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '+'), "dataset.licence", "must be an SPDX id such as CC-BY-4.0.")
            .ThrowIfAny();
        var subject = await subjects.FindAsync(wish.Of, cancel) ?? throw LabErrors.NotFound(wish.Of);
        // Every run must be open to the caller: a dataset must not show what one of its parts hides.
        if (subject.Runs.Any(r => Views.View(person, r.Viewable, clock.Now) != ViewLevel.Full)) throw LabErrors.NotFound(wish.Of);
        if (subject.Runs.Count == 0) throw DatasetErrors.NoRecords(wish.Of);
        if (!person.BelongsTo(subject.Owner) && !subject.Runs.All(r => r.Holder == person.Name || person.BelongsTo(r.Owner) || person.IsStaffOf(r.Lab)))
            throw LabErrors.NotAllowed($"make a dataset of {wish.Of}", "Ask its holder, the organisation that owns it, or the lab.");
        return subject;
    }

    private async Task<Dataset> MakeAsync(PersonCaller person, string method, CreateDatasetRequest request, Dataset wish, DatasetSubject subject, CancellationToken cancel)
    {
        var evidence = new List<RunEvidence>();
        foreach (var run in subject.Runs) evidence.Add(await EvidenceAsync(run, cancel));
        if (evidence.All(e => e.Completeness.Counts.Records == 0)) throw DatasetErrors.NoRecords(wish.Of);
        var testObject = subject.CellTest is { } test ? await testObjects.FindAsync(test.TestObject, cancel) : null;
        var (id, versions) = await IdentityAsync(request, wish.Of, cancel);
        var last = versions.LastOrDefault();
        var made = new Dataset
        {
            Of = wish.Of,
            Title = wish.Title.Length > 0 ? wish.Title : last?.Dataset.Title ?? subject.Title,
            State = subject.Final ? DatasetState.Sealed : DatasetState.Interim,
            Licence = wish.Licence.Length > 0 ? wish.Licence : last?.Dataset.Licence ?? StandardLicence,
            Visibility = DatasetSubjects.Strictest([subject.Visibility, wish.Visibility]),
            Simulated = evidence.Any(e => e.Simulated),
            Runs = { evidence.Select(e => e.Run.Name) },
            Completeness = { evidence.Select(e => CompletenessMap.ToProto(e.Completeness)) },
        };
        var core = DatasetManifest.Core(subject, made, evidence, testObject);
        var key = DatasetManifest.KeyOf(core);
        var same = last?.ContentKey == key;
        if (same && (request.ValidateOnly || request.RequestId.Length == 0)) return last!.Dataset;
        (made.Version, made.CreateTime) = (versions.Count + 1, Timestamps.FromInstant(clock.Now));
        made.Name = $"datasets/{id}/versions/{made.Version}";
        if (request.ValidateOnly) return made;
        var row = same ? last! : new DatasetRow(id, made.Version, key, subject.Owner, subject.Persons, subject.Lab, made);
        var folder = same ? "" : await _builder.WriteAsync(made, core, evidence, cancel);
        return await KeepAsync(person, method, request, row, folder, cancel);
    }

    private async Task<Dataset> KeepAsync(PersonCaller person, string method, CreateDatasetRequest request, DatasetRow row, string folder, CancellationToken cancel)
    {
        try
        {
            return await requests.OnceAsync(person.Name, method, request.RequestId, request, Dataset.Parser, async tx =>
            {
                if (folder.Length == 0) return row.Dataset;
                if (!await DatasetStore.AddAsync(tx, row, Micros.FromInstant(clock.Now), cancel)) throw LabErrors.EtagStale(row.Dataset.Name);
                if (Directory.Exists(folder)) _builder.Place(folder, row.Dataset.Name);
                return row.Dataset;
            }, cancel);
        }
        finally
        {
            // A replay returned the first answer, or the row was refused: what was written now is not needed.
            if (folder.Length > 0) DatasetBuilder.Discard(folder);
        }
    }

    private async Task<RunEvidence> EvidenceAsync(Runs.RunRow run, CancellationToken cancel)
    {
        var archived = run.Stage is RunStage.Final ? await segments.SealAsync(run.Name, cancel) : await segments.OfRunAsync(run.Name, cancel);
        return new RunEvidence(run, await RunCompleteness.OfAsync(store, run.Name, cancel), archived);
    }

    private async Task<(string Id, List<DatasetRow> Versions)> IdentityAsync(CreateDatasetRequest request, string of, CancellationToken cancel)
    {
        var parts = of.Split('/');
        var standard = parts[0] switch { "cellTests" => "cell-test-", "bookings" => "booking-", _ => "run-" } + parts[1];
        return await database.ReadAsync(async tx =>
        {
            var id = request.DatasetId.Length > 0 ? request.DatasetId : await DatasetStore.IdOfAsync(tx, of, cancel) ?? standard[..Math.Min(63, standard.Length)];
            var versions = await DatasetStore.VersionsAsync(tx, id, cancel);
            return versions.Count == 0 || versions[0].Dataset.Of == of ? (id, versions) : throw LabErrors.Exists("datasets/" + id);
        }, cancel);
    }
}
