//! Windows services: the settings that are installed, and the talk with the service control.

use super::plan::Plan;
use crate::{arguments::Arguments, stop};
use std::{
    ffi::OsString,
    process::ExitCode,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};
use windows_service::{
    Error, define_windows_service,
    service::{
        ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
        ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo,
        ServiceStartType, ServiceState, ServiceStatus, ServiceType,
    },
    service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle},
    service_dispatcher,
    service_manager::{ServiceManager, ServiceManagerAccess},
};

/// In the description of every service that we made.
const MARK: &str = "Written by `tandem service install`; `tandem service remove` removes it.";
/// The service control is told that stopping takes at most this long.
const STOPS_WITHIN: Duration = Duration::from_secs(12);
/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT`: started by a person, not by the service control.
const NOT_A_SERVICE: i32 = 1063;
/// `ERROR_SERVICE_DOES_NOT_EXIST`.
const NO_SUCH_SERVICE: i32 = 1060;

type Work = fn(Arguments) -> ExitCode;

static WORK: OnceLock<(Mutex<Option<Arguments>>, Work)> = OnceLock::new();
static STATUS: OnceLock<ServiceStatusHandle> = OnceLock::new();

// The macro makes the function that the service control calls; its unsafe code is the library's.
#[allow(unsafe_code, missing_docs, reason = "the library's macro")]
mod entry {
    use super::{OsString, define_windows_service, service_dispatcher};
    define_windows_service!(service_main, from_service_control);

    pub(super) fn start() -> windows_service::Result<()> {
        service_dispatcher::start("tandem", service_main)
    }

    fn from_service_control(_arguments: Vec<OsString>) {
        super::serve();
    }
}

/// Does the work as a service. Returns when the service has stopped.
pub fn dispatch(arguments: Arguments, work: Work) -> ExitCode {
    let _ = WORK.set((Mutex::new(Some(arguments)), work));
    match entry::start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(NOT_A_SERVICE) => {
            eprintln!("Not started by the service control: running in the foreground.");
            work_now()
        }
        Err(error) => {
            eprintln!("The service control cannot be reached: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work_now() -> ExitCode {
    let Some((arguments, work)) = WORK.get() else { return ExitCode::FAILURE };
    let arguments = arguments.lock().unwrap_or_else(PoisonError::into_inner).take();
    arguments.map_or(ExitCode::FAILURE, work)
}

fn serve() {
    let handler = |control| match control {
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            stopping();
            stop::BY_SERVICE_CONTROL.cancel();
            ServiceControlHandlerResult::NoError
        }
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    match service_control_handler::register("tandem", handler) {
        Ok(handle) => drop(STATUS.set(handle)),
        Err(error) => return tracing::error!("The service control cannot be reached: {error}"),
    }
    say(ServiceState::StartPending, ServiceExitCode::NO_ERROR);
    let code = work_now();
    let failed = code != ExitCode::SUCCESS;
    say(
        ServiceState::Stopped,
        if failed { ServiceExitCode::ServiceSpecific(1) } else { ServiceExitCode::NO_ERROR },
    );
}

/// The engine runs.
pub fn running() {
    say(ServiceState::Running, ServiceExitCode::NO_ERROR);
}

/// The engine stops.
pub fn stopping() {
    say(ServiceState::StopPending, ServiceExitCode::NO_ERROR);
}

fn say(state: ServiceState, exit_code: ServiceExitCode) {
    let Some(handle) = STATUS.get() else { return };
    let pending = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
    let accepted = if state == ServiceState::Running {
        ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN
    } else {
        ServiceControlAccept::empty()
    };
    let said = handle.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: accepted,
        exit_code,
        checkpoint: 0,
        wait_hint: if pending { STOPS_WITHIN } else { Duration::ZERO },
        process_id: None,
    });
    if let Err(error) = said {
        tracing::warn!("The service control was not told: {error}");
    }
}

/// The settings of the service.
pub fn settings(plan: &Plan, password: Option<OsString>) -> ServiceInfo {
    ServiceInfo {
        name: plan.name.clone().into(),
        display_name: format!("Tandem ({})", plan.name).into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: plan.program.clone(),
        launch_arguments: plan
            .arguments(plan.passphrase_file.as_deref())
            .into_iter()
            .map(OsString::from)
            .collect(),
        dependencies: Vec::new(),
        account_name: plan.account.clone().map(OsString::from),
        account_password: password,
    }
}

/// What is known of a service.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Whether it runs.
    pub running: bool,
    /// Its process.
    pub process: Option<u32>,
    /// Whether we made it.
    pub ours: bool,
}

/// Looks for it.
pub fn find(name: &str) -> Result<Option<Found>, Error> {
    let services = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)?;
    let access = ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG;
    let service = match services.open_service(name, access) {
        Err(Error::Winapi(error)) if error.raw_os_error() == Some(NO_SUCH_SERVICE) => return Ok(None),
        other => other?,
    };
    let status = service.query_status()?;
    let ours = service.query_config()?.display_name.to_string_lossy() == format!("Tandem ({name})");
    let running = status.current_state == ServiceState::Running;
    Ok(Some(Found { running, process: status.process_id.filter(|id| *id != 0), ours }))
}

/// Makes or changes it, and starts it.
pub fn install(plan: &Plan, password: Option<OsString>) -> Result<(), Error> {
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let services = ServiceManager::local_computer(None::<&str>, access)?;
    let settings = settings(plan, password);
    let all = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::QUERY_STATUS;
    let service = if find(&plan.name)?.is_some() {
        let service = services.open_service(&plan.name, all)?;
        service.change_config(&settings)?;
        service
    } else {
        services.create_service(&settings, all)?
    };
    service.set_description(MARK)?;
    let again = ServiceAction { action_type: ServiceActionType::Restart, delay: Duration::from_secs(10) };
    service.update_failure_actions(ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_secs(86_400)),
        reboot_msg: None,
        command: None,
        actions: Some(vec![again.clone(), again.clone(), again]),
    })?;
    // A service that ends with an error code is a failure too, not only one that crashes.
    service.set_failure_actions_on_non_crash_failures(true)?;
    if service.query_status()?.current_state == ServiceState::Stopped {
        service.start::<OsString>(&[])?;
    }
    Ok(())
}

/// Stops and removes it.
pub fn remove(name: &str) -> Result<(), Error> {
    let services = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)?;
    let access = ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE;
    let service = services.open_service(name, access)?;
    if service.query_status()?.current_state != ServiceState::Stopped {
        service.stop()?;
        for _ in 0..150 {
            if service.query_status()?.current_state == ServiceState::Stopped {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    service.delete()
}
